//! The program's life: count and answer probes, until it is told to stop.

use std::future::Future;
use std::time::Duration;

use service::probes::{self, Status};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::config::Config;
use crate::consumer::Consumer;
use crate::counts::Counts;
use crate::health::Health;

const MINUTE: Duration = Duration::from_secs(60);

/// How long an id is kept: much longer than a click can be on its way.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

// ANCHOR: run
/// Counts until `stop` completes, and then finishes the click in hand.
///
/// # Errors
/// When the listener cannot be used.
pub async fn run(
    listener: TcpListener,
    config: Config,
    counts: Counts,
    stop: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let status = Status::default();
    let health = Health::new(status.clone());
    let (stopping, stopped) = oneshot::channel();
    let stop = closing(stop, &health, stopping);
    let consumer = Consumer {
        broker: config.broker_url,
        counts: counts.clone(),
        health: health.clone(),
    };
    let drain = config.drain_seconds.0;
    // ANCHOR: work
    let work = async {
        tokio::select! {
            () = consumer.run(stop) => {}
            () = health.watch(&counts) => {}
            () = forgetting(&counts) => {}
            () = deadline(stopped, drain) => {}
        }
    };
    // ANCHOR_END: work
    tracing::info!(address = %listener.local_addr()?, "started");
    probes::serve(listener, status, work).await?;
    counts.close().await;
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: run

/// Forgets the ids of clicks that cannot come again. It does not end by
/// itself.
async fn forgetting(counts: &Counts) {
    let mut every = interval_at(Instant::now() + MINUTE, MINUTE);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match counts.forget(WEEK).await {
            Ok(ids) => tracing::debug!(ids, "forgotten"),
            Err(error) => tracing::warn!(%error, "old ids stay"),
        }
    }
}

/// Completes when a stop was asked for. From then on readiness says no.
async fn closing(
    stop: impl Future<Output = ()>,
    health: &Health,
    stopping: oneshot::Sender<()>,
) {
    stop.await;
    health.set_stopping();
    // The receiver is gone only when all has ended already.
    let _ = stopping.send(());
}

/// Completes when stopping has lasted long enough.
async fn deadline(stopped: oneshot::Receiver<()>, longest: Duration) {
    // An error is as good: a program that cannot be stopped ends.
    let _ = stopped.await;
    tokio::time::sleep(longest).await;
    tracing::warn!("drain deadline passed");
}
