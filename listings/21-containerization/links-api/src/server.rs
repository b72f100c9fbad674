//! Serving, and stopping without cutting anybody off.

use std::future::Future;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::{App, router};
use crate::config::Config;

// ANCHOR: server
/// Serves until `stop` completes, then drains.
///
/// From then on readiness says no, no connection is accepted, and
/// requests in flight have `config.drain` to finish. A client that
/// holds a connection open and says nothing is cut off after that.
pub async fn run(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = App::default();
    let readiness = app.readiness.clone();
    let (draining, drain) = oneshot::channel();
    readiness.set(true);
    tracing::info!(address = %listener.local_addr()?, "ready");
    let stopped = async move {
        stop.await;
        readiness.set(false);
        // The receiver is gone only when serving has failed already.
        let _ = draining.send(());
    };
    let serving = axum::serve(listener, router(app))
        .with_graceful_shutdown(stopped);
    tokio::select! {
        ended = serving.into_future() => ended?,
        () = deadline(drain, config) => tracing::warn!("drain deadline passed"),
    }
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: server

async fn deadline(drain: oneshot::Receiver<()>, config: Config) {
    match drain.await {
        Ok(()) => tokio::time::sleep(config.drain).await,
        // Nobody will ask any more; serving decides.
        Err(_) => std::future::pending().await,
    }
}
