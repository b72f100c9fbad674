//! The loop in this process, with the rights that the page prints, on the real cluster.

mod common;

use book_support::cluster::{
    BUDGET, Manifest, definition, temp_namespace, until,
};
use book_support::{Matcher, captured_matching};
use common::{CRD, RBAC, app, running, there, with_operator};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use webapp_operator::webapp::WebApp;

#[test]
fn an_app_becomes_a_deployment_and_a_service() {
    with_operator(|ns| async move {
        let deployments: Api<Deployment> = ns.api();
        let made = there(&deployments).await;
        let owner = &made.metadata.owner_references.unwrap()[0];
        assert_eq!(owner.kind, "WebApp");
        assert_eq!(made.spec.unwrap().replicas, Some(0));
        let services: Api<Service> = ns.api();
        there(&services).await;
        let apps: Api<WebApp> = ns.api();
        until(
            "the status tells of this generation",
            BUDGET,
            async || {
                let app = apps.get("links-api").await.unwrap();
                let seen =
                    app.status.and_then(|s| s.observed_generation);
                (seen == app.metadata.generation)
                    .then_some(())
                    .ok_or(seen)
            },
        )
        .await;
    });
}

#[test]
fn what_a_hand_changes_is_changed_back() {
    with_operator(|ns| async move {
        let deployments: Api<Deployment> = ns.api();
        let image = async || {
            let made = deployments
                .get("links-api")
                .await
                .map_err(|e| e.to_string())?;
            let pod = made.spec.unwrap().template.spec.unwrap();
            Ok::<_, String>(pod.containers[0].image.clone().unwrap())
        };
        until("the Deployment is there", BUDGET, image).await;
        let by_hand = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "app", "image": "other:1" },
        ]}}}});
        let edited = deployments
            .patch(
                "links-api",
                &PatchParams::default(),
                &Patch::Strategic(by_hand),
            )
            .await
            .unwrap();
        let version = edited.metadata.resource_version;
        until("the edit is undone", BUDGET, async || {
            let now = image().await?;
            (now == "links-api:1").then_some(()).ok_or(now)
        })
        .await;
        let now = deployments.get("links-api").await.unwrap();
        assert_ne!(now.metadata.resource_version, version);
    });
}

#[test]
fn a_child_that_is_deleted_comes_back() {
    with_operator(|ns| async move {
        let services: Api<Service> = ns.api();
        let first = there(&services).await;
        services
            .delete("links-api", &DeleteParams::default())
            .await
            .unwrap();
        until("another Service is there", BUDGET, async || {
            let now = services
                .get("links-api")
                .await
                .map_err(|e| e.to_string())?;
            let other = now.metadata.uid != first.metadata.uid;
            other.then_some(()).ok_or("the first one".to_owned())
        })
        .await;
    });
}

#[test]
fn the_second_time_nothing_is_written() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(RBAC).await;
        let versions = async || {
            let deployment =
                ns.api::<Deployment>().get("links-api").await;
            let service = ns.api::<Service>().get("links-api").await;
            let app = ns.api::<WebApp>().get("links-api").await;
            let metas = [
                deployment.map(|o| o.metadata),
                service.map(|o| o.metadata),
                app.map(|o| o.metadata),
            ];
            metas
                .into_iter()
                .map(|meta| meta.map(|m| m.resource_version.unwrap()))
                .collect::<Result<Vec<_>, _>>()
        };
        app(&ns, 0).await;
        let first = running(&ns).await;
        until("the status is written", BUDGET, async || {
            let app =
                ns.api::<WebApp>().get("links-api").await.unwrap();
            let replicas = app.status.and_then(|s| s.ready_replicas);
            replicas.ok_or("no status")
        })
        .await;
        // The Deployment's own controller writes its status once more.
        until("the Deployment has settled", BUDGET, async || {
            let made =
                ns.api::<Deployment>().get("links-api").await.unwrap();
            let seen = made.status.and_then(|s| s.observed_generation);
            (seen == made.metadata.generation).then_some(()).ok_or(seen)
        })
        .await;
        first.stop().await;
        let before = versions().await.unwrap();
        // A new controller knows nothing: it reconciles all that it finds.
        let second = running(&ns).await;
        second.reconciled("links-api").await;
        second.stop().await;
        assert_eq!(versions().await.unwrap(), before);
    });
}

#[test]
fn when_the_app_goes_its_children_go() {
    with_operator(|ns| async move {
        let services: Api<Service> = ns.api();
        there(&services).await;
        let apps: Api<WebApp> = ns.api();
        apps.delete("links-api", &DeleteParams::default())
            .await
            .unwrap();
        let deployments: Api<Deployment> = ns.api();
        until("both children are gone", BUDGET, async || {
            let service = services.get_opt("links-api").await.unwrap();
            let deployment =
                deployments.get_opt("links-api").await.unwrap();
            let left = (service.is_some(), deployment.is_some());
            (left == (false, false)).then_some(()).ok_or(left)
        })
        .await;
    });
}

/// Without its right to Services, the operator says what it may not do, and goes on when it may.
#[test]
fn a_right_that_is_missing_is_said_and_is_enough_once_it_is_there() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        Manifest::of(RBAC).without("services").apply(&ns).await;
        let operator = running(&ns).await;
        app(&ns, 0).await;
        operator.says("cannot apply the Service").await;
        let log = operator.log();
        let line =
            log.lines().find(|l| l.contains("cannot apply")).unwrap();
        captured_matching(
            "listings/22-kubernetes-operators/webapp-operator-tests/captured/forbidden.txt",
            line,
            &[Matcher::Time, Matcher::Namespace],
        );
        ns.apply(RBAC).await;
        operator.reconciled("links-api").await;
    });
}
