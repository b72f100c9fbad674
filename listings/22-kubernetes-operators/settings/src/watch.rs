//! What changes from now on.

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};

/// Tells each state of the ConfigMap `links-api`, as the API server tells it, until `stop` is there.
///
/// # Errors
/// Only when the stream ends, which it does not: what goes wrong in between is tried again, later each time.
// ANCHOR: watch
pub async fn levels(
    client: Client,
    mut tell: impl FnMut(String),
    stop: impl Future<Output = ()> + Send,
) -> Result<(), watcher::Error> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let only =
        watcher::Config::default().fields("metadata.name=links-api");
    let mut events =
        watcher(maps, only).default_backoff().take_until(stop).boxed();
    while let Some(event) = events.try_next().await? {
        tell(line(&event));
    }
    Ok(())
}
// ANCHOR_END: watch

// ANCHOR: line
fn line(event: &Event<ConfigMap>) -> String {
    match event {
        Event::Init => "the list begins".to_owned(),
        Event::InitApply(map) => format!("listed: {}", level(map)),
        Event::InitDone => "the list ends".to_owned(),
        Event::Apply(map) => format!("changed: {}", level(map)),
        Event::Delete(map) => format!("deleted: {}", map.name_any()),
    }
}
// ANCHOR_END: line

fn level(map: &ConfigMap) -> String {
    let level = map.data.as_ref().and_then(|data| data.get("level"));
    let level = level.map_or("no level", String::as_str);
    format!("{}: {level}", map.name_any())
}
