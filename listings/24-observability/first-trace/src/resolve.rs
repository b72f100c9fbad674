//! Where a short link leads. It knows of `tracing`, and of nothing that
//! carries spans away.

use std::time::Duration;

use tracing::instrument;

/// What a network takes to answer for a store that is elsewhere.
const AWAY: Duration = Duration::from_millis(20);

/// The one link of this small store.
const LINK: (&str, &str) = ("VcdWRhe", "https://www.rust-lang.org");

/// A short link that leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("there is no link `{0}`")]
pub struct UnknownLink(String);

// ANCHOR: follow
/// Finds where a link leads, and notes that it was followed.
#[instrument(err)]
pub async fn follow(code: &str) -> Result<&'static str, UnknownLink> {
    let target = find(code).await;
    let target = target.ok_or_else(|| UnknownLink(code.to_owned()))?;
    note_click();
    Ok(target)
}
// ANCHOR_END: follow

// ANCHOR: find
#[instrument(skip_all)]
async fn find(code: &str) -> Option<&'static str> {
    match find_in_cache(code) {
        Some(target) => Some(target),
        None => find_in_store(code).await,
    }
}
// ANCHOR_END: find

/// Nothing is in it yet, as in every process that has just started.
#[instrument(skip_all)]
fn find_in_cache(_code: &str) -> Option<&'static str> {
    None
}

// ANCHOR: store
#[instrument(skip_all)]
async fn find_in_store(code: &str) -> Option<&'static str> {
    tokio::time::sleep(AWAY).await;
    (code == LINK.0).then_some(LINK.1)
}
// ANCHOR_END: store

#[instrument]
fn note_click() {}
