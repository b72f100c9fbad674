//! The custom resource: its fields, its rules, its status.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// ANCHOR: spec
// ANCHOR: derive
/// A program that answers over HTTP.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Deserialize, Serialize,
)]
#[kube(
    group = "cloud-native-rust.example",
    version = "v1",
    kind = "WebApp",
    namespaced,
    status = "WebAppStatus",
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.readyReplicas"
    ),
    printcolumn(
        name = "Image",
        type_ = "string",
        json_path = ".spec.image"
    )
)]
// ANCHOR_END: derive
// ANCHOR: fields
#[x_kube(validation = rules::public_apps_are_two())]
pub struct WebAppSpec {
    /// What runs.
    #[x_kube(validation = rules::images_have_tags())]
    pub image: String,
    /// In how many pods.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 10))]
    pub replicas: i32,
    /// Where each pod listens.
    #[x_kube(validation = rules::ports_stay())]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Whether people depend on it.
    #[serde(default)]
    pub public: bool,
}
// ANCHOR_END: fields
// ANCHOR_END: spec

fn one() -> i32 {
    1
}

/// What the API server asks of each `WebApp`, in CEL. A message is what its author reads.
// ANCHOR: rules
mod rules {
    use kube::core::cel::Rule;

    pub fn public_apps_are_two() -> Rule {
        Rule::new("!self.public || self.replicas >= 2")
            .message("a public app needs two replicas")
    }

    pub fn images_have_tags() -> Rule {
        Rule::new(
            "self.matches(':[^:/]+$') && !self.endsWith(':latest')",
        )
        .message("name a tag that is not latest")
    }

    pub fn ports_stay() -> Rule {
        Rule::new("self == oldSelf").message("a port cannot change")
    }
}
// ANCHOR_END: rules

// ANCHOR: status
/// What the controller saw.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppStatus {
    /// Which generation of the object this tells of.
    pub observed_generation: Option<i64>,
    /// Pods that are ready.
    pub ready_replicas: Option<i32>,
}
// ANCHOR_END: status
