//! What a namespace held when its test failed.

use std::fmt::Write;

use super::{LogParams, name_of};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::{Discovery, verbs};

/// The last lines of each pod's log that are worth reading.
const LINES: i64 = 20;

/// Pods, events, conditions of all objects, and the last log lines. Never panics: it is asked for by a test that did.
pub(super) async fn dump(client: &Client, namespace: &str) -> String {
    let mut text = format!("--- the namespace {namespace} of the test that failed\n");
    pods(client, namespace, &mut text).await;
    conditions(client, namespace, &mut text).await;
    events(client, namespace, &mut text).await;
    text.push_str("---");
    text
}

async fn pods(client: &Client, namespace: &str, text: &mut String) {
    let api = Api::<Pod>::namespaced(client.clone(), namespace);
    let Ok(listed) = api.list(&ListParams::default()).await else {
        text.push_str("its pods cannot be listed\n");
        return;
    };
    for pod in listed {
        let name = name_of(&pod.metadata);
        let status = pod.status.unwrap_or_default();
        let _ = writeln!(text, "pod {name}: {}", status.phase.unwrap_or_default());
        for container in status.container_statuses.unwrap_or_default() {
            let state = container.state.unwrap_or_default();
            let words = match (&state.waiting, &state.terminated) {
                (Some(waiting), _) => format!(
                    "waits: {} {}",
                    waiting.reason.as_deref().unwrap_or_default(),
                    waiting.message.as_deref().unwrap_or_default()
                ),
                (_, Some(ended)) => format!("ended with {}", ended.exit_code),
                _ => format!("runs, ready: {}", container.ready),
            };
            let _ = writeln!(
                text,
                "  container {}: {words}, {} restarts",
                container.name, container.restart_count
            );
        }
        for previous in [true, false] {
            let params = LogParams {
                tail_lines: Some(LINES),
                previous,
                ..LogParams::default()
            };
            if let Ok(log) = api.logs(&name, &params).await {
                for line in log.lines() {
                    let _ = writeln!(text, "  {} {line}", if previous { "before |" } else { "log |" });
                }
            }
        }
    }
}

/// `Ready=False: reason: message` of every object that has conditions.
async fn conditions(client: &Client, namespace: &str, text: &mut String) {
    let Ok(known) = Discovery::new(client.clone()).run().await else {
        return;
    };
    for group in known.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if !capabilities.supports_operation(verbs::LIST) || resource.kind == "Pod" {
                continue;
            }
            let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
            let Ok(listed) = api.list(&ListParams::default()).await else {
                continue;
            };
            for object in listed {
                let conditions = object.data.pointer("/status/conditions").and_then(|c| c.as_array());
                for condition in conditions.into_iter().flatten() {
                    let word = |key: &str| condition[key].as_str().unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "{} {}: {}={}: {}: {}",
                        resource.kind,
                        name_of(&object.metadata),
                        word("type"),
                        word("status"),
                        word("reason"),
                        word("message")
                    );
                }
            }
        }
    }
}

async fn events(client: &Client, namespace: &str, text: &mut String) {
    let api = Api::<Event>::namespaced(client.clone(), namespace);
    let Ok(listed) = api.list(&ListParams::default()).await else {
        return;
    };
    for event in listed {
        let about = event.involved_object;
        let _ = writeln!(
            text,
            "event {} {}: {}: {}",
            about.kind.unwrap_or_default(),
            about.name.unwrap_or_default(),
            event.reason.unwrap_or_default(),
            event.message.unwrap_or_default()
        );
    }
}
