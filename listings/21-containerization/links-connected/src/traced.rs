//! A span for each request, so that what the others do for it belongs to it.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use service::telemetry::{TRACEPARENT, continues};
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

// ANCHOR: traced
/// Answers a request within its span. A probe comes each few seconds,
/// and gets none.
pub async fn traced(request: Request, next: Next) -> Response {
    let Some(span) = span(&request) else {
        return next.run(request).await;
    };
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    response
}
// ANCHOR_END: traced

fn span(request: &Request) -> Option<Span> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    if matches!(route, "/livez" | "/readyz" | "/startupz") {
        return None;
    }
    let method = request.method().as_str();
    let name = format!("{method} {route}");
    let span = info_span!("request", otel.name = name, status = Empty);
    let trace = request.headers().get(TRACEPARENT);
    if let Some(trace) = trace.and_then(|t| t.to_str().ok()) {
        continues(&span, trace);
    }
    Some(span)
}
