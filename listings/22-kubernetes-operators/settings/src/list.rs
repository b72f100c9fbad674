//! What is there now.

// ANCHOR: all
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

/// The names of all ConfigMaps of the client's namespace.
///
/// # Errors
/// When the API server refuses, or cannot be reached.
pub async fn names(client: Client) -> kube::Result<Vec<String>> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let found = maps.list(&ListParams::default()).await?;
    Ok(found.iter().map(ResourceExt::name_any).collect())
}
// ANCHOR_END: all
