//! Namespaces and objects on the real cluster.

use std::panic::catch_unwind;

use book_support::cluster::kube::api::{Api, ListParams};
use book_support::cluster::{BUDGET, definition, forbidden, kubectl, temp_namespace, until};
use book_support::docker::output;
use book_support::listing;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, ServiceAccount};

/// The names of this run's namespaces.
fn namespaces() -> Vec<String> {
    let out = kubectl(&["get", "namespaces", "--output=name", "--selector=book.test"]);
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_namespace_lives_as_long_as_its_test() {
    let (tell, told) = std::sync::mpsc::channel();
    temp_namespace(|client, ns| async move {
        let there = Api::<Namespace>::all(client).get(ns.name()).await;
        assert!(there.is_ok(), "{there:?}");
        tell.send(format!("namespace/{}", ns.name())).unwrap();
    });
    let name = told.recv().unwrap();
    assert!(!namespaces().contains(&name), "{name}");
}

#[test]
fn a_namespace_is_gone_after_a_panic_too() {
    let (tell, told) = std::sync::mpsc::channel();
    let ended = catch_unwind(|| {
        temp_namespace(|_, ns| async move {
            tell.send(format!("namespace/{}", ns.name())).unwrap();
            panic!("the test's own words");
        });
    });
    let panic = ended.expect_err("the panic goes on");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the test's own words"));
    assert!(!namespaces().contains(&told.recv().unwrap()));
}

#[test]
fn a_manifest_is_applied_or_refused_with_the_server_s_words() {
    temp_namespace(|_, ns| async move {
        ns.apply("ci/support/tests/manifests/settings.yaml").await;
        let made = ns.api::<ConfigMap>().get("settings").await.unwrap();
        assert_eq!(made.data.unwrap()["level"], "info");
        let words = ns.refused("ci/support/tests/manifests/unknown-field.yaml").await;
        assert!(
            words.contains(r#"unknown field ".color""#) || words.contains(".color"),
            "{words}"
        );
    });
}

#[test]
#[should_panic(expected = "was to be refused, and the API server took it")]
fn a_manifest_that_is_taken_was_not_refused() {
    temp_namespace(|_, ns| async move {
        ns.refused("ci/support/tests/manifests/settings.yaml").await;
    });
}

#[test]
fn a_service_account_may_do_what_its_role_says_and_nothing_else() {
    temp_namespace(|_, ns| async move {
        ns.apply("ci/support/tests/manifests/reader.yaml").await;
        let client = ns.client_of("reader").await;
        let settings = Api::<ConfigMap>::namespaced(client.clone(), ns.name());
        // The binding is new: the API server takes a moment to see it.
        until("the role is in force", BUDGET, async || {
            settings.list(&ListParams::default()).await.map(drop)
        })
        .await;
        let secrets = Api::<Secret>::namespaced(client, ns.name());
        let words = forbidden(secrets.list(&ListParams::default()).await);
        let who = format!("User \"system:serviceaccount:{}:reader\"", ns.name());
        assert!(
            words.contains(&who) && words.contains("cannot list resource \"secrets\""),
            "{words}"
        );
    });
}

#[test]
#[should_panic(expected = "was to forbid it, and answered: Ok")]
fn what_is_allowed_is_not_forbidden() {
    temp_namespace(|_, ns| async move {
        forbidden(ns.api::<ServiceAccount>().list(&ListParams::default()).await);
    });
}

#[test]
fn a_pod_is_reached_and_its_log_is_read() {
    temp_namespace(|_, ns| async move {
        let pod = "ci/support/tests/manifests/pod.yaml";
        ns.apply(pod).await;
        let pods = ns.api::<Pod>();
        until("the pod is ready", BUDGET, async || {
            let status = pods
                .get("echo")
                .await
                .map_err(|e| e.to_string())?
                .status
                .unwrap_or_default();
            let ready = status.container_statuses.iter().flatten().any(|c| c.ready);
            ready.then_some(()).ok_or(format!("{status:?}"))
        })
        .await;
        let door = ns.forward("pod/echo", 8181);
        let answer = door.get("/ready").unwrap();
        assert_eq!((answer.status, answer.body.trim()), (200, "OK"));
        assert!(ns.logs("app=echo").await.contains("CoreDNS"));
    });
}

#[test]
fn a_definition_is_shared_and_goes_with_its_last_user() {
    let path = "ci/support/tests/manifests/crd.yaml";
    let there = || {
        kubectl(&["get", "crd", "lamps.test.cloud-native-rust.example"])
            .status
            .success()
    };
    let first = definition(path);
    let second = definition(path);
    assert!(there());
    drop(first);
    assert!(there());
    drop(second);
    assert!(!there());
}

#[test]
fn the_cluster_is_the_one_that_its_file_describes() {
    let file = listing("k8s/kind.yaml");
    let values = |key: &str| -> Vec<String> {
        let value = |line: &str| line.trim().strip_prefix(key).map(str::to_owned);
        file.lines().filter_map(value).collect()
    };
    // A run on a cluster of another name has the same nodes.
    let name = std::env::var("BOOK_CLUSTER").unwrap_or_else(|_| values("name: ").remove(0));
    let filter = format!("label=io.x-k8s.kind.cluster={name}");
    let running = output(&["ps", "--filter", &filter, "--format", "{{.Image}}"]);
    assert_eq!(running.lines().collect::<Vec<_>>(), values("image: "));
    let nodes = kubectl(&["get", "nodes", "--output=name"]);
    let nodes = String::from_utf8_lossy(&nodes.stdout).lines().count();
    assert_eq!(nodes, values("- role: ").len());
}
