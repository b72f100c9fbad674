//! Serving, and stopping in time.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves until `stop` completes, then answers what is in flight, for
/// at most `drain`.
pub async fn run(
    listener: TcpListener,
    router: Router,
    drain: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // ANCHOR: run
    let (stopping, stopped) = oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        drop(stopping);
    };
    let serving = axum::serve(listener, router);
    tokio::select! {
        end = serving.with_graceful_shutdown(stop).into_future() => end,
        () = late(stopped, drain) => Ok(()),
    }
    // ANCHOR_END: run
}

async fn late(stopped: oneshot::Receiver<()>, drain: Duration) {
    // Nothing is ever sent: it ends when the other end is dropped.
    let _ = stopped.await;
    tokio::time::sleep(drain).await;
    tracing::warn!("drain deadline passed");
}
