//! What one request may cost.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::Problem;

/// Largest request body, in bytes: a target and its JSON.
pub const LARGEST_BODY: usize = 4096;

/// How long one request may take, from its head to its answer.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Patience {
        Patience(Duration::from_secs(10))
    }
}

// ANCHOR: in-time
/// Ends a request that takes too long, also one whose body never
/// comes. A client that sends no head is not seen here: only the
/// drain deadline, or a proxy in front, ends that connection.
pub async fn in_time(
    State(Patience(limit)): State<Patience>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let late = |_| {
        let detail = "the request took too long; send it again";
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    };
    tokio::time::timeout(limit, next.run(request)).await.map_err(late)
}
// ANCHOR_END: in-time
