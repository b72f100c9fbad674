//! Serving, and stopping without cutting anybody off.

use std::future::Future;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::{App, router};
use crate::config::Config;
use crate::health::Readiness;
use crate::limits::Patience;

// ANCHOR: server
/// Serves until `stop` completes, then drains: at most `config.drain`.
pub async fn run(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app =
        App { patience: Patience(config.request), ..App::default() };
    let (draining, drain) = oneshot::channel();
    let stopped = closing(stop, app.readiness.clone(), draining);
    app.readiness.set(true);
    tracing::info!(address = %listener.local_addr()?, "ready");
    let serving = axum::serve(listener, router(app))
        .with_graceful_shutdown(stopped);
    // ANCHOR: select
    tokio::select! {
        ended = serving.into_future() => ended?,
        () = deadline(drain, config.drain) => {
            tracing::warn!("drain deadline passed");
        }
    }
    // ANCHOR_END: select
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: server

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
