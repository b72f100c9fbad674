//! Serve, drain, flush: in this order, and each with an end.

use std::future::Future;
use std::time::Duration;

use axum::middleware::from_fn;
use links_api::api::{App, router};
use links_api::health::Readiness;
use links_api::limits::Patience;
use links_api::server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clicks::{Fate, MOST_WAITING, way};
use crate::config::Config;
use crate::resolver::Resolver;
use crate::store::Connected;
use crate::traced::traced;

/// What clicks get when draining has used up its time.
const LEAST: Duration = Duration::from_secs(1);

// ANCHOR: run
/// Serves until `stop` completes, drains, and sends the clicks that
/// wait. Gives back what has become of them.
///
/// # Errors
/// When the listener cannot be used.
pub async fn run(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<Fate> {
    let resolver = Resolver::at(config.resolver_url.clone());
    let broker = config.broker_url.clone();
    let (clicks, publisher) = way(broker, MOST_WAITING);
    let (end, ended) = oneshot::channel();
    let publishing = tokio::spawn(publisher.run(ended));
    let watched = resolver.clone();
    let store = Connected { resolver, clicks: clicks.clone() };
    let (stopped, until) = timed(stop, config.drain_seconds.0);
    tokio::select! {
        served = serve(listener, &config, store, stopped) => served?,
        () = watched.watch() => {}
    }
    let until = until.await.unwrap_or_else(|_| Instant::now());
    // Without a publisher, nobody waits for clicks to be sent.
    let _ = end.send(until.max(Instant::now() + LEAST));
    let _ = publishing.await;
    let fate = clicks.fate();
    tracing::info!(fate.offered, fate.confirmed, fate.lost, "flushed");
    Ok(fate)
}
// ANCHOR_END: run

// ANCHOR: serve
/// The routes of `links-api` over another store, each in a span.
async fn serve(
    listener: TcpListener,
    config: &Config,
    store: Connected,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let patience = Patience(config.request_seconds.0);
    let readiness = Readiness::default();
    let app = App { store, readiness: readiness.clone(), patience };
    let routes = router(app).layer(from_fn(traced));
    let drain = config.drain_seconds.0;
    server::serve(listener, routes, readiness, drain, stop).await
}
// ANCHOR_END: serve

/// The same stop, and when everything has to be over.
fn timed(
    stop: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> (impl Future<Output = ()> + Send, oneshot::Receiver<Instant>) {
    let (tell, until) = oneshot::channel();
    let stopped = async move {
        stop.await;
        // Whoever would hear it has ended already.
        let _ = tell.send(Instant::now() + drain);
    };
    (stopped, until)
}
