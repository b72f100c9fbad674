//! Objects against the types of the Kubernetes API that this book uses.
//!
//! An object is read into its type and written again: what does not come back, the type does not know.

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    events::v1 as events, flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node,
    policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as registration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::custom::Definitions;
use crate::tree::{Node, Tree};
use crate::{Found, did_you_mean};

/// The release whose types these are.
const RELEASE: &str = "Kubernetes 1.36";

/// A kind and the type behind it.
struct Known {
    api_version: &'static str,
    kind: &'static str,
    read: fn(&Value) -> Result<Value, (Path, String)>,
}

macro_rules! kinds {
    ($($kind:ty,)*) => {
        &[$(Known {
            api_version: <$kind as Resource>::API_VERSION,
            kind: <$kind as Resource>::KIND,
            read: there_and_back::<$kind>,
        },)*]
    };
}

/// Every kind that is served without being asked for, but for reviews, which nobody keeps in a file.
const KNOWN: &[Known] = kinds![
    admission::MutatingAdmissionPolicy,
    admission::MutatingAdmissionPolicyBinding,
    admission::MutatingWebhookConfiguration,
    admission::ValidatingAdmissionPolicy,
    admission::ValidatingAdmissionPolicyBinding,
    admission::ValidatingWebhookConfiguration,
    apps::ControllerRevision,
    apps::DaemonSet,
    apps::Deployment,
    apps::ReplicaSet,
    apps::StatefulSet,
    autoscaling::HorizontalPodAutoscaler,
    batch::CronJob,
    batch::Job,
    certificates::CertificateSigningRequest,
    coordination::Lease,
    core::ConfigMap,
    core::Endpoints,
    core::LimitRange,
    core::Namespace,
    core::Node,
    core::PersistentVolume,
    core::PersistentVolumeClaim,
    core::Pod,
    core::PodTemplate,
    core::ReplicationController,
    core::ResourceQuota,
    core::Secret,
    core::Service,
    core::ServiceAccount,
    discovery::EndpointSlice,
    events::Event,
    extensions::CustomResourceDefinition,
    flowcontrol::FlowSchema,
    flowcontrol::PriorityLevelConfiguration,
    networking::Ingress,
    networking::IngressClass,
    networking::NetworkPolicy,
    node::RuntimeClass,
    policy::PodDisruptionBudget,
    rbac::ClusterRole,
    rbac::ClusterRoleBinding,
    rbac::Role,
    rbac::RoleBinding,
    registration::APIService,
    scheduling::PriorityClass,
    storage::CSIDriver,
    storage::StorageClass,
    storage::VolumeAttributesClass,
];

fn there_and_back<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, (Path, String)> {
    let read: T = serde_path_to_error::deserialize(value).map_err(|e| {
        let path = e.path().clone();
        (path, e.into_inner().to_string())
    })?;
    Ok(serde_json::to_value(read).expect("what was read can be written"))
}

/// What is wrong with one document.
pub fn check(document: &Tree, definitions: &Definitions) -> Vec<Found> {
    let (Some(api_version), Some(kind)) = (document.text("apiVersion"), document.text("kind")) else {
        let what = "a document of a manifest without `apiVersion` and `kind`".to_owned();
        return vec![(document.line, what, "say what it is".into())];
    };
    if (api_version, kind) == ("v1", "List") {
        let items = document.get("items").map(Tree::items).unwrap_or_default();
        return items.iter().flat_map(|item| check(item, definitions)).collect();
    }
    let line = document.get("kind").map_or(document.line, |tree| tree.line);
    let mut found = Vec::new();
    if let Some(known) = KNOWN.iter().find(|k| k.api_version == api_version && k.kind == kind) {
        match (known.read)(&document.json()) {
            Ok(back) => unknown(document, &back, "", &format!("{api_version} {kind}"), &mut found),
            Err((path, what)) => {
                let (line, place) = locate(document, &path);
                let place = if place.is_empty() {
                    kind.to_owned()
                } else {
                    format!("`{place}`")
                };
                found.push((line, format!("{place}: {what}"), "write what the type asks for".into()));
            }
        }
    } else if let Some(found) = definitions.check(document, api_version, kind) {
        return found;
    } else {
        return elsewhere(document, api_version, kind, line, definitions)
            .into_iter()
            .collect();
    }
    let metadata = document.get("metadata");
    if metadata.is_none_or(|m| m.get("name").or(m.get("generateName")).is_none()) {
        let line = metadata.map_or(line, |m| m.line);
        found.push((line, format!("this {kind} has no name"), "give it metadata.name".into()));
    }
    found
}

/// The right name of what has a wrong one.
fn elsewhere(document: &Tree, api_version: &str, kind: &str, line: usize, definitions: &Definitions) -> Option<Found> {
    let served: Vec<&str> = KNOWN.iter().filter(|k| k.kind == kind).map(|k| k.api_version).collect();
    let served: Vec<&str> = served.into_iter().chain(definitions.versions(kind)).collect();
    if !served.is_empty() {
        let line = document.get("apiVersion").map_or(line, |tree| tree.line);
        let right = served.join(" or ");
        let what = format!("{RELEASE} serves no {kind} of {api_version}; it is {right}");
        return Some((line, what, format!("write apiVersion: {right}")));
    }
    let own = |k: &&Known| k.api_version == api_version;
    let group_is_known = KNOWN.iter().any(|k| own(&k)) || definitions.serves(api_version);
    // Of a group that nothing here defines, nothing is known here; a cluster that has it will say.
    if !group_is_known
        && api_version
            .split('/')
            .next()
            .is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"))
    {
        return None;
    }
    let names = KNOWN
        .iter()
        .filter(own)
        .map(|k| k.kind)
        .chain(definitions.kinds(api_version));
    let near = did_you_mean(kind, names);
    let what = format!("{RELEASE} knows no {kind} of {api_version}{near}");
    Some((
        line,
        what,
        "correct kind and apiVersion; a kind of your own needs its CustomResourceDefinition in the book".into(),
    ))
}

/// Keys that did not come back.
fn unknown(tree: &Tree, back: &Value, path: &str, of: &str, found: &mut Vec<Found>) {
    match (&tree.node, back) {
        (Node::Map(entries), Value::Object(known)) => {
            for (line, key, value) in entries {
                let here = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(back) => unknown(value, back, &here, of, found),
                    // Nothing under a key that may be absent is as good as its absence.
                    None if value.is_null() => {}
                    None => {
                        let what = format!("unknown field `{here}` of {of}");
                        found.push((*line, what, "correct the name, or take it out".into()));
                    }
                }
            }
        }
        (Node::List(items), Value::Array(known)) => {
            for (i, (item, back)) in items.iter().zip(known).enumerate() {
                unknown(item, back, &format!("{path}[{i}]"), of, found);
            }
        }
        _ => {}
    }
}

/// The line of a path, and the path in words.
fn locate(tree: &Tree, path: &Path) -> (usize, String) {
    let (mut here, mut line, mut words) = (tree, tree.line, String::new());
    for segment in path.iter() {
        match segment {
            Segment::Map { key } => {
                let Some((at, _, next)) = here.entries().iter().find(|e| e.1 == *key) else {
                    break;
                };
                words = if words.is_empty() {
                    key.clone()
                } else {
                    format!("{words}.{key}")
                };
                (here, line) = (next, *at);
            }
            Segment::Seq { index } => {
                let Some(next) = here.items().get(*index) else { break };
                words = format!("{words}[{index}]");
                (here, line) = (next, next.line);
            }
            _ => break,
        }
    }
    (line, words)
}
