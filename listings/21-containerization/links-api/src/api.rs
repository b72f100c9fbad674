//! The routes.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};

use crate::health::{Readiness, livez, readyz, startupz};
use crate::limits::{LARGEST_BODY, Patience, in_time};
use crate::link::{Code, Target};
use crate::problem::Problem;
use crate::store::{Failure, Links, Store};

/// What handlers share.
#[derive(Clone, Debug, Default)]
pub struct App<L = Store> {
    /// The links.
    pub store: L,
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
pub fn router<L: Links>(app: App<L>) -> Router {
    let in_time = middleware::from_fn_with_state(app.patience, in_time);
    Router::new()
        .route("/links", post(create::<L>).get(list::<L>))
        .route("/{code}", get(follow::<L>).delete(delete::<L>))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz::<L>))
        .route("/startupz", get(startupz::<L>))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(in_time)
        .with_state(app)
}
// ANCHOR_END: router

// ANCHOR: create
async fn create<L: Links>(
    State(app): State<App<L>>,
    body: Result<Json<NewLink>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewLink { target }) = body.map_err(rejected)?;
    let code = app.store.create(target.clone()).await?;
    tracing::info!(%code, "link created");
    let location = [(LOCATION, format!("/{code}"))];
    let link = Json(Link { code, target });
    Ok((StatusCode::CREATED, location, link).into_response())
}
// ANCHOR_END: create

// ANCHOR: failure
/// What a store could not do, as a client sees it.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        let status = match failure {
            Failure::Full => StatusCode::INSUFFICIENT_STORAGE,
            Failure::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::Away => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Late => StatusCode::GATEWAY_TIMEOUT,
        };
        Problem::new(status, failure.to_string())
    }
}
// ANCHOR_END: failure

fn rejected(rejection: JsonRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

// ANCHOR: follow
async fn follow<L: Links>(
    State(app): State<App<L>>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let code = Code::parse(&code).ok_or_else(|| not_found(&code))?;
    let found = app.store.find(&code).await?;
    let target = found.ok_or_else(|| not_found(&code))?;
    tracing::info!(%code, "link followed");
    app.store.followed(&code);
    let location = [(LOCATION, target.as_str().to_owned())];
    Ok((StatusCode::TEMPORARY_REDIRECT, location).into_response())
}
// ANCHOR_END: follow

// ANCHOR: delete
async fn delete<L: Links>(
    State(app): State<App<L>>,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    let code = Code::parse(&code).ok_or_else(|| not_found(&code))?;
    match app.store.delete(&code).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(not_found(&code)),
    }
}
// ANCHOR_END: delete

async fn list<L: Links>(
    State(app): State<App<L>>,
) -> Result<Json<Vec<Link>>, Problem> {
    let links = app.store.list().await?.into_iter();
    let links = links.map(|(code, target)| Link { code, target });
    Ok(Json(links.collect()))
}

fn not_found(code: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no link `{code}`"),
    )
}
