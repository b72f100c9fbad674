//! The program against the real API server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use book_support::cluster::kube::Client;
use book_support::cluster::kube::api::{Api, Patch, PatchParams};
use book_support::cluster::{Namespace, temp_namespace};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use settings::{apply, list};

const CAPTURED: &str =
    "listings/22-kubernetes-operators/settings/captured";

/// As `kubectl create configmap links-api --from-literal=level=info`.
async fn created_by_kubectl(ns: &Namespace) {
    let said = ns.kubectl(&[
        "create",
        "configmap",
        "links-api",
        "--from-literal=level=info",
    ]);
    assert_eq!(said, "configmap/links-api created\n");
}

async fn level(client: Client) -> (String, String) {
    let map = Api::<ConfigMap>::default_namespaced(client)
        .get("links-api")
        .await
        .unwrap();
    let version = map.metadata.resource_version.unwrap();
    (map.data.unwrap()["level"].clone(), version)
}

/// The program, with the namespace as the one that kubectl would use.
fn program(ns: &Namespace, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_settings"));
    command.args(args).env("KUBECONFIG", ns.kubeconfig());
    command
}

#[test]
fn the_list_is_what_kubectl_lists() {
    temp_namespace(|client, ns| async move {
        created_by_kubectl(&ns).await;
        let names = list::names(client).await.unwrap();
        let kubectl = ns.kubectl(&[
            "get",
            "configmaps",
            "--output",
            "jsonpath={range .items[*]}{.metadata.name}\n{end}",
        ]);
        assert_eq!(names, kubectl.lines().collect::<Vec<_>>());
        let printed = program(&ns, &["list"]).output().unwrap();
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), kubectl);
    });
}

#[test]
fn a_field_of_another_owner_is_a_conflict() {
    temp_namespace(|client, ns| async move {
        created_by_kubectl(&ns).await;
        let refused = program(&ns, &["set", "debug"]).output().unwrap();
        assert!(!refused.status.success());
        let words = String::from_utf8(refused.stderr).unwrap();
        assert!(
            words.contains("conflict with \"kubectl-create\""),
            "{words}"
        );
        assert_eq!(level(client.clone()).await.0, "info");
        let forced =
            program(&ns, &["set", "debug", "--force"]).status();
        assert!(forced.unwrap().success());
        assert_eq!(level(client).await.0, "debug");
    });
}

#[test]
fn the_same_applied_again_writes_nothing() {
    temp_namespace(|client, ns| async move {
        apply::set_level(client.clone(), "debug", false).await.unwrap();
        let before = level(client.clone()).await;
        apply::set_level(client.clone(), "debug", false).await.unwrap();
        assert_eq!(level(client).await, before);
        drop(ns);
    });
}

/// A process that is killed unless it has ended.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the page shows: the list, a change, and what happened while nobody asked.
#[test]
fn a_watch_tells_the_list_and_then_each_change() {
    temp_namespace(|client, ns| async move {
        created_by_kubectl(&ns).await;
        let child = program(&ns, &["watch"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Running(child);
        let stdout = child.0.stdout.take().unwrap();
        let mut lines =
            BufReader::new(stdout).lines().map(Result::unwrap);
        let mut seen: Vec<String> = lines.by_ref().take(3).collect();
        apply::set_level(client.clone(), "debug", true).await.unwrap();
        seen.extend(lines.next());
        // The same again is no change: the next line is another one's.
        apply::set_level(client.clone(), "debug", true).await.unwrap();
        apply::set_level(client.clone(), "trace", true).await.unwrap();
        seen.extend(lines.next());
        let maps = Api::<ConfigMap>::default_namespaced(client);
        maps.delete("links-api", &Default::default()).await.unwrap();
        seen.extend(lines.next());
        book_support::captured(
            &format!("{CAPTURED}/watch.txt"),
            &seen.join("\n"),
        );
        // SIGTERM is the end, and a good one.
        let pid = child.0.id().to_string();
        let told = Command::new("kill").arg(&pid).status().unwrap();
        assert!(told.success());
        assert!(child.0.wait().unwrap().success());
        assert_eq!(lines.next(), None);
    });
}

#[test]
fn a_map_without_a_level_is_told_too() {
    temp_namespace(|client, ns| async move {
        let maps = Api::<ConfigMap>::default_namespaced(client);
        let wanted = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "links-api" },
        });
        maps.patch(
            "links-api",
            &PatchParams::apply("test"),
            &Patch::Apply(wanted),
        )
        .await
        .unwrap();
        let child = program(&ns, &["watch"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Running(child);
        let stdout = child.0.stdout.take().unwrap();
        let mut lines =
            BufReader::new(stdout).lines().map(Result::unwrap);
        assert_eq!(
            lines.nth(1).as_deref(),
            Some("listed: links-api: no level")
        );
    });
}

#[test]
fn what_is_no_answer_of_the_server_is_said_too() {
    let missing = Command::new(env!("CARGO_BIN_EXE_settings"))
        .arg("list")
        .env("KUBECONFIG", "/none")
        .output()
        .unwrap();
    assert!(!missing.status.success());
    let words = String::from_utf8(missing.stderr).unwrap();
    assert!(words.contains("/none"), "{words}");
}
