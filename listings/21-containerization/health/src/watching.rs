//! Probes that answer at once, from what a task has seen.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

// ANCHOR: times
/// How often the database is looked at.
const EVERY: Duration = Duration::from_millis(200);
/// How long one look may take.
const LONGEST: Duration = Duration::from_millis(300);
/// How long an answer counts: a little longer than both together.
const FRESH: Duration = Duration::from_millis(700);
// ANCHOR_END: times

// ANCHOR: health
/// When the database was last known to answer. For all clones.
#[derive(Clone, Debug)]
pub struct Health(watch::Receiver<Option<Instant>>);

impl Health {
    /// Whether requests can be answered now.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().is_some_and(|last| last.elapsed() < FRESH)
    }

    /// Whether the database has ever answered.
    pub fn has_started(&self) -> bool {
        self.0.borrow().is_some()
    }
}
// ANCHOR_END: health

// ANCHOR: watch
/// Looks again and again, until nobody wants to know.
async fn watch(database: PgPool, seen: watch::Sender<Option<Instant>>) {
    while !seen.is_closed() {
        let asked = Instant::now();
        let look = sqlx::query("SELECT 1").execute(&database);
        if let Ok(Ok(_)) = timeout(LONGEST, look).await {
            seen.send_replace(Some(asked));
        }
        sleep(EVERY).await;
    }
}
// ANCHOR_END: watch

// ANCHOR: handlers
/// The process answers. That is all it says.
async fn livez() -> StatusCode {
    StatusCode::OK
}

async fn readyz(State(health): State<Health>) -> StatusCode {
    yes(health.is_ready())
}

async fn startupz(State(health): State<Health>) -> StatusCode {
    yes(health.has_started())
}
// ANCHOR_END: handlers

fn yes(it_is: bool) -> StatusCode {
    match it_is {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

// ANCHOR: router
/// Three probes, and one task that looks for all of them.
pub fn router(database: PgPool) -> Router {
    let (seen, last) = watch::channel(None);
    tokio::spawn(watch(database, seen));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(Health(last))
}
// ANCHOR_END: router

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    #[tokio::test]
    async fn it_ends_when_nobody_wants_to_know() {
        let database = PgPoolOptions::new()
            .connect_lazy("postgres://u:p@127.0.0.1:1/links")
            .unwrap();
        let (seen, heard) = watch::channel(None);
        drop(heard);
        super::watch(database, seen).await;
    }
}
