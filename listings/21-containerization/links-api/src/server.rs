//! Serving, and stopping without cutting anybody off.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::{App, router};
use crate::config::Config;
use crate::health::Readiness;
use crate::limits::Patience;
use crate::store::Links;

// ANCHOR: server
/// Serves a store until `stop` completes, then drains: at most
/// `config.drain`.
pub async fn run<L: Links>(
    listener: TcpListener,
    config: Config,
    store: L,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let patience = Patience(config.request);
    let readiness = Readiness::default();
    let app = App { store, readiness: readiness.clone(), patience };
    serve(listener, router(app), readiness, config.drain, stop).await
}
// ANCHOR_END: server

// ANCHOR: serve
/// Serves any routes in the same way.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    readiness: Readiness,
    longest: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (draining, drain) = oneshot::channel();
    let stopped = closing(stop, readiness.clone(), draining);
    readiness.set(true);
    tracing::info!(address = %listener.local_addr()?, "ready");
    let serving =
        axum::serve(listener, routes).with_graceful_shutdown(stopped);
    // ANCHOR: select
    tokio::select! {
        ended = serving.into_future() => ended?,
        () = deadline(drain, longest) => {
            tracing::warn!("drain deadline passed");
        }
    }
    // ANCHOR_END: select
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: closing
/// Completes when a stop was asked for. From then on readiness says
/// no, and no connection is accepted; requests in flight go on.
async fn closing(
    stop: impl Future<Output = ()>,
    readiness: Readiness,
    draining: oneshot::Sender<()>,
) {
    stop.await;
    readiness.set(false);
    // The receiver is gone only when serving has ended already.
    let _ = draining.send(());
}
// ANCHOR_END: closing

// ANCHOR: deadline
/// Completes when the drain has lasted long enough. It cuts off the
/// client that holds a connection open and says nothing.
async fn deadline(drain: oneshot::Receiver<()>, longest: Duration) {
    // An error is as good: then waiting for the stop has failed, and
    // a server that cannot be stopped does not go on.
    let _ = drain.await;
    tokio::time::sleep(longest).await;
}
// ANCHOR_END: deadline
