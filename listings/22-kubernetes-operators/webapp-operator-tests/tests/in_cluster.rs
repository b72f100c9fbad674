//! The operator's image, deployed into the cluster with what the page shows, and nothing more.

use std::time::Duration;

use book_support::cluster::{
    Manifest, Namespace, definition, forbidden, load, temp_namespace,
    until,
};
use book_support::docker::Build;
use book_support::{Matcher, captured_matching};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use webapp_operator::webapp::WebApp;

const OPERATOR: &str =
    "listings/22-kubernetes-operators/webapp-operator";
const CRD: &str =
    "listings/22-kubernetes-operators/webapp-operator/deploy/crd.yaml";
const RBAC: &str =
    "listings/22-kubernetes-operators/webapp-operator/deploy/rbac.yaml";
const HERE: &str =
    "listings/22-kubernetes-operators/webapp-operator-tests";
const APP: &str = "listings/21-containerization";

/// Pods start, probes pass, endpoints spread: on a busy machine that takes its time.
const STARTED: Duration = Duration::from_secs(120);

#[test]
fn the_image_runs_an_app_under_the_rights_of_the_page() {
    let operator =
        Build::of(&format!("{OPERATOR}/Dockerfile"), OPERATOR).run();
    let app = Build::of(
        &format!("{APP}/images/minimal.Dockerfile"),
        &format!("{APP}/links-api"),
    )
    .run();
    assert_eq!(operator.user(), "65532:65532");
    let (operator, app) = (load(operator.tag()), load(app.tag()));
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(RBAC).await;
        Manifest::of(&format!("{OPERATOR}/deploy/operator.yaml"))
            .image("webapp-operator:1", operator.tag())
            .apply(&ns)
            .await;
        Manifest::of(&format!("{HERE}/manifests/links-api.yaml"))
            .image("links-api:1", app.tag())
            .apply(&ns)
            .await;
        ready(&ns, 2).await;
        let door = ns.forward("service/links-api", 80);
        let answer = door.get("/readyz").unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "ready")
        );
        drop(door);
        // More pods, by a change of the one object that its author owns.
        let apps: Api<WebApp> = ns.api();
        let three = json!({ "spec": { "replicas": 3 } });
        apps.patch(
            "links-api",
            &PatchParams::default(),
            &Patch::Merge(three),
        )
        .await
        .unwrap();
        ready(&ns, 3).await;
        apps.delete("links-api", &DeleteParams::default())
            .await
            .unwrap();
        let deployments: Api<Deployment> = ns.api();
        until("the Deployment is gone", STARTED, async || {
            let left = deployments.get_opt("links-api").await.unwrap();
            left.map_or(Ok(()), |_| Err("it is there"))
        })
        .await;
    });
}

async fn ready(ns: &Namespace, pods: i32) {
    let apps: Api<WebApp> = ns.api();
    until(&format!("{pods} pods are ready"), STARTED, async || {
        let app =
            apps.get("links-api").await.map_err(|e| e.to_string())?;
        let seen = app.status.and_then(|s| s.ready_replicas);
        (seen == Some(pods)).then_some(()).ok_or(format!("{seen:?}"))
    })
    .await;
}

#[test]
fn what_the_page_does_not_allow_is_refused() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(RBAC).await;
        let client = ns.client_of("webapp-operator").await;
        let name = ns.name();
        let apps = Api::<WebApp>::namespaced(client.clone(), name);
        // The role is new: the API server takes a moment to see it.
        until("the role is in force", STARTED, async || {
            apps.list(&ListParams::default()).await.map(drop)
        })
        .await;
        let secrets = Api::<Secret>::namespaced(client.clone(), name);
        let words =
            forbidden(secrets.list(&ListParams::default()).await);
        captured_matching(
            &format!("{HERE}/captured/secrets.txt"),
            &words,
            &[Matcher::Namespace],
        );
        let pods = Api::<Pod>::namespaced(client.clone(), name);
        forbidden(pods.list(&ListParams::default()).await);
        let deployments =
            Api::<Deployment>::namespaced(client.clone(), name);
        let no = DeleteParams::default();
        forbidden(deployments.delete("links-api", &no).await);
        forbidden(apps.delete("links-api", &no).await);
        let spec = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
        let params = PatchParams::default();
        forbidden(apps.patch("links-api", &params, &spec).await);
        let elsewhere = Api::<WebApp>::namespaced(client, "default");
        forbidden(elsewhere.list(&ListParams::default()).await);
    });
}
