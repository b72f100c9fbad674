//! Serving, and stopping without cutting anybody off.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::flights::Flights;
use crate::pulse::{EVERY, NoPulse, Pulse};
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

/// Boxed where rustc cannot see in a generic future that it is `Send`:
/// <https://github.com/rust-lang/rust/issues/102211>.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
    let stopped =
        until_stop(stop, health.clone(), store.clone(), draining);
    let longest = settings.request_seconds.0;
    let links = Links {
        store: store.clone(),
        longest,
        flights: flights.clone(),
    };
    tracing::info!(address = %listener.local_addr()?, "listening");
    let reflection = settings.reflection;
    let serving =
        transport::serve(listener, links, health, reflection, stopped);
    // ANCHOR: run
    tokio::select! {
        ended = serving => ended?,
        () = drained(drain, flights, settings.drain_seconds.0) => {}
    }
    closed(store).await;
    tracing::info!("stopped");
    // ANCHOR_END: run
    Ok(())
}

fn closed(store: Store) -> Boxed<()> {
    Box::pin(async move { store.close().await })
}

// ANCHOR: until-stop
/// Completes when a stop was asked for. Until then health follows the
/// database; from then on it says no, and requests in flight go on.
async fn until_stop(
    stop: impl Future<Output = ()>,
    health: Health,
    store: Store,
    draining: oneshot::Sender<()>,
) {
    tokio::select! {
        () = stop => {}
        never = follow(health.clone(), store) => match never {}
    }
    health.set(false).await;
    // The receiver is gone only when serving has ended already.
    let _ = draining.send(());
}
// ANCHOR_END: until-stop

// ANCHOR: follow
fn follow(health: Health, store: Store) -> Boxed<Infallible> {
    let mut pulse = Pulse::new(store.clone());
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was = None;
    Box::pin(async move {
        loop {
            every.tick().await;
            let beat = pulse.beat().await;
            tell(&beat, was);
            let is = beat.is_ok();
            was = Some(is);
            store.note(is);
            health.set(is).await;
        }
    })
}
// ANCHOR_END: follow

/// The first answer is news, and so is a change; that it goes on is not.
fn tell(beat: &Result<(), NoPulse>, was: Option<bool>) {
    match beat {
        Ok(()) if was != Some(true) => tracing::info!("ready"),
        Err(error) if was != Some(false) => {
            tracing::warn!(%error, "not ready");
        }
        Err(error) => tracing::debug!(%error, "not ready"),
        Ok(()) => {}
    }
}

// ANCHOR: drained
/// Completes when nobody waits for an answer any more, or when the
/// drain has lasted long enough. A client that only holds a connection
/// open, or watches our health, is not waited for.
async fn drained(
    drain: oneshot::Receiver<()>,
    flights: Flights,
    longest: Duration,
) {
    // An error is as good: then waiting for the stop has failed.
    let _ = drain.await;
    if timeout(longest, flights.quiet(LINGER)).await.is_err() {
        tracing::warn!("drain deadline passed");
    }
}
// ANCHOR_END: drained

#[cfg(test)]
mod tests {
    use super::*;

    /// A caller may spawn it.
    #[expect(dead_code, reason = "that it compiles is the test")]
    fn it_is_send(
        (listener, settings, store): (TcpListener, Settings, Store),
    ) -> impl Send {
        run(listener, settings, store, std::future::pending())
    }
}
