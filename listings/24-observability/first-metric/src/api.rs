//! The routes of `links-api`, counted, and `/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use links_api::api::App;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::metrics::Metrics;

// ANCHOR: router
/// All routes. What is added after the first layer is not counted.
pub fn router(links: App) -> Router {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    links_api::api::router(links)
        .layer(from_fn_with_state(metrics, record))
        .route("/metrics", get(expose))
        .layer(Extension(Arc::new(registry)))
}
// ANCHOR_END: router

// ANCHOR: record
async fn record(
    State(metrics): State<Metrics>,
    // Absent where no route has matched.
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    metrics.record(route, response.status(), start.elapsed());
    response
}
// ANCHOR_END: record

// ANCHOR: expose
const OPENMETRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole registry, as text.
pub async fn expose(
    Extension(registry): Extension<Arc<Registry>>,
) -> Result<impl IntoResponse, StatusCode> {
    let mut text = String::new();
    let written = encode(&mut text, &registry);
    written.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text))
}
// ANCHOR_END: expose
