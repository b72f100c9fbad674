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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::postgres::PgPoolOptions;

    use super::*;

    #[tokio::test]
    async fn a_database_that_nobody_serves_is_unavailable() {
        let database = PgPoolOptions::new()
            .acquire_timeout(Duration::from_millis(200))
            .connect_lazy("postgres://u:p@127.0.0.1:1/links")
            .unwrap();
        let status = ask(State(database)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
