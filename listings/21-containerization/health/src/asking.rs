//! Probes that ask the database whenever somebody asks them: what not to
//! do. [`watching`](crate::watching) does better.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::PgPool;

// ANCHOR: ask
/// 200 when the database answers. And when it does not?
async fn ask(State(database): State<PgPool>) -> StatusCode {
    match sqlx::query("SELECT 1").execute(&database).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
// ANCHOR_END: ask

// ANCHOR: router
/// Both probes, over the pool that requests use too.
pub fn router(database: PgPool) -> Router {
    Router::new()
        .route("/livez", get(ask))
        .route("/readyz", get(ask))
        .with_state(database)
}
// ANCHOR_END: router
