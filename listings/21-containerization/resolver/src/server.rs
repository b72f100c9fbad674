//! Serving, and stopping without cutting anybody off.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::flights::Flights;
use crate::pulse::{EVERY, Pulse};
use crate::settings::Settings;
use crate::store::Store;
use crate::transport::{self, Health, Links};

/// How long a stopping server waits for a request that is still on its
/// way: a client has heard of the stop by then.
pub const LINGER: Duration = Duration::from_millis(500);

/// Why a server ends that nobody stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The listener cannot be used.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// gRPC cannot go on.
    #[error("cannot serve: {0}")]
    Serve(#[from] tonic::transport::Error),
}

// ANCHOR: run
/// Serves until `stop` completes, then drains.
///
/// # Errors
/// When serving fails; after a stop it does not.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    store: Store,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let flights = Flights::default();
    let health = Health::new().await;
    let (draining, drain) = oneshot::channel();
    let stopped = until_stop(stop, &health, store.clone(), draining);
    let longest = settings.request_seconds.0;
    let links = Links {
        store: store.clone(),
        longest,
        flights: flights.clone(),
    };
    tracing::info!(address = %listener.local_addr()?, "listening");
    let reflection = settings.reflection;
    let serving =
        transport::serve(listener, links, &health, reflection, stopped);
    tokio::select! {
        ended = serving => ended?,
        () = drained(drain, &flights, settings.drain_seconds.0) => {}
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: until-stop
/// Completes when a stop was asked for. Until then health follows the
/// database; from then on it says no, and requests in flight go on.
async fn until_stop(
    stop: impl Future<Output = ()>,
    health: &Health,
    store: Store,
    draining: oneshot::Sender<()>,
) {
    tokio::select! {
        () = stop => {}
        never = follow(health, Pulse::new(store)) => match never {}
    }
    health.set(false).await;
    // The receiver is gone only when serving has ended already.
    let _ = draining.send(());
}
// ANCHOR_END: until-stop

// ANCHOR: follow
async fn follow(health: &Health, mut pulse: Pulse) -> Infallible {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was = false;
    loop {
        every.tick().await;
        let beat = pulse.beat().await;
        match &beat {
            Ok(()) if !was => tracing::info!("ready"),
            Err(error) if was => tracing::warn!(%error, "not ready"),
            Err(error) => tracing::debug!(%error, "not ready"),
            Ok(()) => {}
        }
        was = beat.is_ok();
        health.set(was).await;
    }
}
// ANCHOR_END: follow

// ANCHOR: drained
/// Completes when nobody waits for an answer any more, or when the
/// drain has lasted long enough. A client that only holds a connection
/// open, or watches our health, is not waited for.
async fn drained(
    drain: oneshot::Receiver<()>,
    flights: &Flights,
    longest: Duration,
) {
    // An error is as good: then waiting for the stop has failed.
    let _ = drain.await;
    if timeout(longest, flights.quiet(LINGER)).await.is_err() {
        tracing::warn!("drain deadline passed");
    }
}
// ANCHOR_END: drained
