//! What a `WebApp` becomes. No client and no clock: the same object always becomes the same children.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, PodSpec, PodTemplateSpec, Service,
    ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};

use crate::webapp::WebApp;

// ANCHOR: meta
fn labels(app: &WebApp) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), app.name_any())])
}

fn meta(app: &WebApp) -> ObjectMeta {
    ObjectMeta {
        name: Some(app.name_any()),
        labels: Some(labels(app)),
        owner_references: app
            .controller_owner_ref(&())
            .map(|o| vec![o]),
        ..ObjectMeta::default()
    }
}
// ANCHOR_END: meta

/// The Deployment that runs it.
// ANCHOR: deployment
pub fn deployment(app: &WebApp) -> Deployment {
    Deployment {
        metadata: meta(app),
        spec: Some(DeploymentSpec {
            replicas: Some(app.spec.replicas),
            selector: LabelSelector {
                match_labels: Some(labels(app)),
                ..LabelSelector::default()
            },
            template: template(app),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}
// ANCHOR_END: deployment

fn template(app: &WebApp) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(app)),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![Container {
                name: "app".to_owned(),
                image: Some(app.spec.image.clone()),
                ports: Some(vec![ContainerPort {
                    container_port: app.spec.port,
                    ..ContainerPort::default()
                }]),
                ..Container::default()
            }],
            ..PodSpec::default()
        }),
    }
}

/// The Service that leads to its pods.
// ANCHOR: service
pub fn service(app: &WebApp) -> Service {
    Service {
        metadata: meta(app),
        spec: Some(ServiceSpec {
            selector: Some(labels(app)),
            ports: Some(vec![ServicePort {
                port: 80,
                target_port: Some(IntOrString::Int(app.spec.port)),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
// ANCHOR_END: service

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webapp::WebAppSpec;

    fn app() -> WebApp {
        let mut app = WebApp::new(
            "links-api",
            WebAppSpec {
                image: "links-api:1".to_owned(),
                replicas: 2,
                port: 8080,
                public: false,
            },
        );
        app.metadata.uid = Some("42".to_owned());
        app
    }

    #[test]
    fn each_child_names_its_owner() {
        let (deployment, service) =
            (deployment(&app()), service(&app()));
        for meta in [deployment.metadata, service.metadata] {
            let owners = meta.owner_references.unwrap();
            assert_eq!(owners.len(), 1);
            assert_eq!(
                (owners[0].kind.as_str(), owners[0].uid.as_str()),
                ("WebApp", "42")
            );
            assert_eq!(owners[0].controller, Some(true));
        }
    }

    #[test]
    fn the_service_selects_the_pods_of_the_deployment() {
        let spec = deployment(&app()).spec.unwrap();
        let pods = spec.template.metadata.unwrap().labels;
        assert_eq!(spec.selector.match_labels, pods);
        assert_eq!(service(&app()).spec.unwrap().selector, pods);
    }
}
