//! What should be there.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

/// Applies the level, as the owner `settings` of that field. With `force`, takes the field from whoever owned it.
///
/// # Errors
/// When somebody else owns the field, unless `force`; when the API server refuses, or cannot be reached.
// ANCHOR: apply
pub async fn set_level(
    client: Client,
    level: &str,
    force: bool,
) -> kube::Result<ConfigMap> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "links-api" },
        "data": { "level": level },
    });
    let mut params = PatchParams::apply("settings");
    params.force = force;
    maps.patch("links-api", &params, &Patch::Apply(wanted)).await
}
// ANCHOR_END: apply
