//! The routes.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};

use crate::health::{Readiness, livez, readyz};
use crate::limits::{LARGEST_BODY, Patience, in_time};
use crate::link::{Code, Target};
use crate::problem::Problem;
use crate::store::Store;

/// What handlers share.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// The links.
    pub store: Arc<Store>,
    /// Whether requests are wanted.
    pub readiness: Readiness,
    /// How long one request may take.
    pub patience: Patience,
}

#[derive(Deserialize)]
struct NewLink {
    target: Target,
}

#[derive(Serialize)]
struct Link {
    code: Code,
    target: Target,
}

// ANCHOR: router
/// All routes over one store.
pub fn router(app: App) -> Router {
    let in_time = middleware::from_fn_with_state(app.patience, in_time);
    Router::new()
        .route("/links", post(create).get(list))
        .route("/{code}", get(follow).delete(delete))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(in_time)
        .with_state(app)
}
// ANCHOR_END: router

// ANCHOR: create
async fn create(
    State(app): State<App>,
    body: Result<Json<NewLink>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewLink { target }) = body.map_err(rejected)?;
    let code = app.store.create(target.clone()).ok_or_else(full)?;
    tracing::info!(%code, "link created");
    let location = [(LOCATION, format!("/{code}"))];
    let link = Json(Link { code, target });
    Ok((StatusCode::CREATED, location, link).into_response())
}
// ANCHOR_END: create

fn full() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "the store is full; delete links first",
    )
}

fn rejected(rejection: JsonRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

// ANCHOR: follow
async fn follow(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let target =
        Code::parse(&code).and_then(|code| app.store.find(&code));
    let target = target.ok_or_else(|| not_found(&code))?;
    tracing::info!(code, "link followed");
    let location = [(LOCATION, target.as_str().to_owned())];
    Ok((StatusCode::TEMPORARY_REDIRECT, location).into_response())
}
// ANCHOR_END: follow

// ANCHOR: delete
async fn delete(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    match Code::parse(&code) {
        Some(known) if app.store.delete(&known) => {
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(not_found(&code)),
    }
}
// ANCHOR_END: delete

async fn list(State(app): State<App>) -> Json<Vec<Link>> {
    Json(
        app.store
            .list()
            .into_iter()
            .map(|(code, target)| Link { code, target })
            .collect(),
    )
}

fn not_found(code: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no link `{code}`"),
    )
}
