//! The loop that makes the cluster what a `WebApp` says.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::children;
use crate::webapp::WebApp;

/// Who owns the fields that this program applies.
const MANAGER: &str = "webapp-operator";

/// Longest until an object is looked at again though nothing has changed.
const AGAIN: Duration = Duration::from_secs(300);

/// Until an object is tried again after an error.
const RETRY: Duration = Duration::from_secs(5);

/// Why a `WebApp` could not be made so.
// ANCHOR: error
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or could not be reached.
    #[error("cannot {what}: {source}")]
    Api {
        /// What was tried.
        what: &'static str,
        /// What came instead.
        source: kube::Error,
    },
}
// ANCHOR_END: error

fn failed(what: &'static str) -> impl FnOnce(kube::Error) -> Error {
    move |source| Error::Api { what, source }
}

// ANCHOR: reconcile
async fn reconcile(
    app: Arc<WebApp>,
    client: Arc<Client>,
) -> Result<Action, Error> {
    let deployment = apply(&client, &app, children::deployment(&app))
        .await
        .map_err(failed("apply the Deployment"))?;
    apply(&client, &app, children::service(&app))
        .await
        .map_err(failed("apply the Service"))?;
    let status = deployment.status.unwrap_or_default();
    tell(&client, &app, status)
        .await
        .map_err(failed("write the status"))?;
    tracing::info!(app = app.name_any(), "reconciled");
    Ok(Action::requeue(AGAIN))
}
// ANCHOR_END: reconcile

/// Makes one child what it should be. Writes nothing when it is so already.
// ANCHOR: apply
async fn apply<K>(
    client: &Client,
    app: &WebApp,
    child: K,
) -> kube::Result<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    let namespace = app.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&child.name_any(), &params, &Patch::Apply(&child)).await
}
// ANCHOR_END: apply

/// Writes down what the Deployment says.
// ANCHOR: tell
async fn tell(
    client: &Client,
    app: &WebApp,
    seen: DeploymentStatus,
) -> kube::Result<WebApp> {
    let namespace = app.namespace().unwrap_or_default();
    let apps: Api<WebApp> = Api::namespaced(client.clone(), &namespace);
    let status = json!({
        "apiVersion": WebApp::api_version(&()),
        "kind": WebApp::kind(&()),
        "status": {
            "observedGeneration": app.metadata.generation,
            "readyReplicas": seen.ready_replicas.unwrap_or(0),
        },
    });
    let params = PatchParams::apply(MANAGER).force();
    apps.patch_status(&app.name_any(), &params, &Patch::Apply(status))
        .await
}
// ANCHOR_END: tell

// ANCHOR: on-error
fn on_error(app: Arc<WebApp>, error: &Error, _: Arc<Client>) -> Action {
    tracing::warn!(app = app.name_any(), %error, "will try again");
    Action::requeue(RETRY)
}
// ANCHOR_END: on-error

/// Watches the `WebApp`s of a namespace and their children, and reconciles, until `stop` is there.
// ANCHOR: run
pub async fn run(
    client: Client,
    namespace: &str,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let apps: Api<WebApp> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> =
        Api::namespaced(client.clone(), namespace);
    let services: Api<Service> =
        Api::namespaced(client.clone(), namespace);
    let every = watcher::Config::default;
    Controller::new(apps, every())
        .owns(deployments, every())
        .owns(services, every())
        .graceful_shutdown_on(stop)
        .run(reconcile, on_error, Arc::new(client))
        .for_each(async |_| ())
        .await;
}
// ANCHOR_END: run
