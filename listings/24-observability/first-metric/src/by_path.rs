//! A counter with a label that clients choose. Do not copy it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use links_api::api::App;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::api::expose;

// ANCHOR: labels
/// What a request is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    path: String,
}

type Requests = Family<Labels, Counter>;
// ANCHOR_END: labels

// ANCHOR: count
async fn count(
    State(requests): State<Requests>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    requests.get_or_create(&Labels { path }).inc();
    next.run(request).await
}
// ANCHOR_END: count

// ANCHOR: router
/// The routes of `links-api`, counted, and `/metrics`.
pub fn router(links: App) -> Router {
    let mut registry = Registry::default();
    let requests = Requests::default();
    let help = "Requests by path";
    registry.register("http_requests", help, requests.clone());
    links_api::api::router(links)
        .layer(from_fn_with_state(requests, count))
        .route("/metrics", get(expose))
        .layer(Extension(Arc::new(registry)))
}
// ANCHOR_END: router
