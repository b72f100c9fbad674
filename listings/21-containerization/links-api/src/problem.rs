//! Errors as clients see them: RFC 9457, `application/problem+json`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

// ANCHOR: problem
/// What went wrong, for people and for programs.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The status code once more: it survives proxies and logs.
    status: u16,
    /// The same words for the same kind of problem.
    title: &'static str,
    /// What it was this time, and what would help.
    detail: String,
}
// ANCHOR_END: problem

impl Problem {
    /// A problem with the standard title of its status.
    pub fn new(
        status: StatusCode,
        detail: impl Into<String>,
    ) -> Problem {
        let title = status.canonical_reason().unwrap_or_default();
        Problem {
            status: status.as_u16(),
            title,
            detail: detail.into(),
        }
    }
}

// ANCHOR: response
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (
            status,
            [(CONTENT_TYPE, "application/problem+json")],
            Json(self),
        )
            .into_response()
    }
}
// ANCHOR_END: response
