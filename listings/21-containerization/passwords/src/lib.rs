//! A service whose work is slow on purpose, and needs much memory: it hashes passwords. One and the same work is done at
//! four places: on a worker, and off it.
//!
//! | pattern | where |
//! |---|---|
//! | what one hash costs | [`cost`] |
//! | what is under way | [`making`] |
//! | blocking work, and where it may block | `here`, `in_place`, `aside` |
//! | a bound on what is done at a time | `bounded` |

pub mod cost;
pub mod making;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task;

use crate::cost::Cost;
use crate::making::hash;

/// Longest password, in bytes.
const LONGEST: usize = 1024;

/// What handlers share.
#[derive(Clone, Debug)]
pub struct App {
    /// What one hash costs.
    pub cost: Cost,
    /// One permit for each hash that may be made at a time.
    pub permits: Arc<Semaphore>,
}

// ANCHOR: permits
/// How many hashes are made at a time. Times the memory of one, that
/// has to fit into the container.
pub const AT_ONCE: usize = 2;

impl Default for App {
    fn default() -> App {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        App { cost: Cost::default(), permits }
    }
}
// ANCHOR_END: permits

/// All routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(async || "alive"))
        .route("/workers", get(workers))
        .route("/hashing", get(hashing))
        .route("/hash/here", post(here))
        .route("/hash/in-place", post(in_place))
        .route("/hash/aside", post(aside))
        .route("/hash/bounded", post(bounded))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(app)
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Hash(#[from] crate::cost::Error),
    #[error("the thread that hashed has panicked")]
    Thread(#[from] task::JoinError),
    #[error("busy; send it again")]
    Busy,
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Failed::Busy => {
                let later = [(RETRY_AFTER, "1")];
                let code = StatusCode::SERVICE_UNAVAILABLE;
                (code, later, self.to_string()).into_response()
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, self.to_string())
                .into_response(),
        }
    }
}

// ANCHOR: workers
/// How many CPUs the program thinks it has, and how many threads run
/// its tasks.
async fn workers() -> String {
    let cpus = std::thread::available_parallelism()
        .map_or("?".into(), |n| n.to_string());
    let workers = Handle::current().metrics().num_workers();
    format!("CPUs: {cpus}, workers: {workers}\n")
}
// ANCHOR_END: workers

// ANCHOR: hashing
/// How many hashes are made at this moment.
async fn hashing() -> String {
    format!("{}\n", making::now())
}
// ANCHOR_END: hashing

// ANCHOR: here
async fn here(
    State(app): State<App>,
    password: String,
) -> Result<String, Failed> {
    Ok(hash(&password, app.cost)?)
}
// ANCHOR_END: here

// ANCHOR: in-place
async fn in_place(
    State(app): State<App>,
    password: String,
) -> Result<String, Failed> {
    Ok(task::block_in_place(|| hash(&password, app.cost))?)
}
// ANCHOR_END: in-place

// ANCHOR: aside
async fn aside(
    State(app): State<App>,
    password: String,
) -> Result<String, Failed> {
    let work = move || hash(&password, app.cost);
    Ok(task::spawn_blocking(work).await??)
}
// ANCHOR_END: aside

// ANCHOR: bounded
async fn bounded(
    State(app): State<App>,
    password: String,
) -> Result<String, Failed> {
    let permit = app.permits.try_acquire_owned();
    let permit = permit.map_err(|_| Failed::Busy)?;
    let work = move || {
        // Kept until the work ends, also when the client has gone.
        let _permit = permit;
        hash(&password, app.cost)
    };
    Ok(task::spawn_blocking(work).await??)
}
// ANCHOR_END: bounded
