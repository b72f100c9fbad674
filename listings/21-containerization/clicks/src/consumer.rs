//! Takes clicks from the queue, counts each, and only then says so to the broker.
//!
//! A message is in one of two places: in the queue, or counted. Between the commit and the acknowledgement it is in
//! both, and the dedup key makes that harmless. Nothing that is away ends this program: it waits for the broker, and it
//! waits for the database with the click in its hand.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions,
    BasicQosOptions, BasicRejectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection};
use links_contract::broker;
use links_contract::click::{Click, QUEUE};
use service::backoff::Backoff;
use service::telemetry::{TRACEPARENT, continues};
use tokio::time::{sleep, timeout};
use tracing::{Instrument, Span, info_span};

use crate::counts::{self, Counted, Counts};
use crate::health::Health;

/// How the broker calls this program, and what it consumes with.
const NAME: &str = "clicks";

/// Clicks that the broker may have handed over and that are not yet
/// acknowledged.
const PREFETCH: u16 = 64;

/// Longest time for one answer of the broker.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Why no more clicks come.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the broker does not answer")]
    Silent,
    #[error("the broker has ended the consumer")]
    Ended,
    #[error(transparent)]
    Broken(#[from] lapin::Error),
    #[error(transparent)]
    Database(#[from] counts::Failure),
}

/// Counts clicks from a broker into a database.
pub struct Consumer {
    /// The broker.
    pub broker: AMQPUri,
    /// The database.
    pub counts: Counts,
    /// What the probes say.
    pub health: Health,
}

/// What tells it to stop. It can be waited for again when it has.
struct Stop<'a> {
    told: Pin<&'a mut (dyn Future<Output = ()> + Send)>,
    done: bool,
}

impl Stop<'_> {
    async fn asked(&mut self) {
        if !self.done {
            self.told.as_mut().await;
            self.done = true;
        }
    }
}

impl Consumer {
    // ANCHOR: run
    /// Counts until `stop` completes. What is away is waited for.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut told = pin!(stop);
        let mut stop = Stop { told: told.as_mut(), done: false };
        let mut backoff = Backoff::up_to(PAUSE);
        loop {
            let ended = self.session(&mut stop).await;
            let was_consuming = self.health.set_consuming(false);
            let Err(failure) = ended else { return };
            tracing::warn!(%failure, "no clicks come");
            if was_consuming {
                backoff = Backoff::up_to(PAUSE);
            }
            tokio::select! {
                () = stop.asked() => return,
                () = sleep(backoff.pause()) => {}
            }
        }
    }
    // ANCHOR_END: run

    /// One connection, from its beginning to its end.
    async fn session(
        &self,
        stop: &mut Stop<'_>,
    ) -> Result<(), Failure> {
        let opened = tokio::select! {
            () = stop.asked() => return Ok(()),
            opened = self.open() => opened,
        };
        let (connection, channel, clicks) = opened?;
        self.health.set_consuming(true);
        let ended = self.consume(&channel, clicks, stop).await;
        let bye = connection.close(200, "bye".into());
        // Closing a connection that is broken changes nothing.
        let _ = timeout(ANSWER, bye).await;
        ended
    }

    /// Makes the tables and the queues, and asks for clicks.
    async fn open(
        &self,
    ) -> Result<(Connection, Channel, lapin::Consumer), Failure> {
        self.counts.make_tables().await?;
        let opening = async {
            let connection =
                broker::connect(NAME, &self.broker).await?;
            let channel = connection.create_channel().await?;
            broker::declare(&channel).await?;
            let qos = BasicQosOptions::default();
            channel.basic_qos(PREFETCH, qos).await?;
            let options = BasicConsumeOptions::default();
            let arguments = FieldTable::default();
            let clicks = channel
                .basic_consume(
                    QUEUE.into(),
                    NAME.into(),
                    options,
                    arguments,
                )
                .await?;
            Ok((connection, channel, clicks))
        };
        timeout(ANSWER, opening).await.map_err(|_| Failure::Silent)?
    }

    // ANCHOR: consume
    /// Handles one click after another. Asked to stop, it finishes
    /// the one in its hand; the broker gives the others to the next.
    async fn consume(
        &self,
        channel: &Channel,
        mut clicks: lapin::Consumer,
        stop: &mut Stop<'_>,
    ) -> Result<(), Failure> {
        loop {
            let next = tokio::select! {
                biased;
                () = stop.asked() => return cancel(channel).await,
                next = clicks.next() => next,
            };
            let message = next.ok_or(Failure::Ended)??;
            self.handle(message, stop).await?;
        }
    }
    // ANCHOR_END: consume

    // ANCHOR: handle
    /// Counts first, acknowledges then.
    async fn handle(
        &self,
        message: Delivery,
        stop: &mut Stop<'_>,
    ) -> Result<(), Failure> {
        let click = match Click::parse(&message.data) {
            Ok(click) => click,
            Err(why) => return refuse(message, why).await,
        };
        let span = span(&message);
        if self.count(&click, stop).instrument(span).await {
            message.ack(BasicAckOptions::default()).await?;
        }
        Ok(())
    }
    // ANCHOR_END: handle

    // ANCHOR: count
    /// Counts a click, as soon as the database does. False when told
    /// to stop before: the click then stays in the queue.
    async fn count(&self, click: &Click, stop: &mut Stop<'_>) -> bool {
        let mut backoff = Backoff::up_to(PAUSE);
        loop {
            let failure = match self.counts.count(click).await {
                Ok(counted) => return self.counted(click, counted),
                Err(failure) => failure,
            };
            tracing::warn!(%failure, click.id, "not counted yet");
            self.health.set_database(false);
            tokio::select! {
                () = stop.asked() => return false,
                () = sleep(backoff.pause()) => {}
            }
        }
    }
    // ANCHOR_END: count

    fn counted(&self, click: &Click, counted: Counted) -> bool {
        self.health.set_database(true);
        match counted {
            Counted::Now => {
                tracing::info!(click.id, click.code, "counted")
            }
            Counted::Before => {
                tracing::info!(click.id, click.code, "counted before");
            }
        }
        true
    }
}

// ANCHOR: refuse
/// What is no click never will be one: a person looks at it later.
async fn refuse(
    message: Delivery,
    why: impl std::fmt::Display,
) -> Result<(), Failure> {
    let bytes = message.data.len();
    tracing::error!(%why, bytes, "no click: to the dead letters");
    let forget = BasicRejectOptions { requeue: false };
    message.reject(forget).await?;
    Ok(())
}
// ANCHOR_END: refuse

/// The counting, as a part of the request that the click came from.
fn span(message: &Delivery) -> Span {
    let span = info_span!("count", otel.name = "count a click");
    let headers = message.properties.headers().as_ref();
    let trace = headers.and_then(|h| h.inner().get(TRACEPARENT));
    if let Some(AMQPValue::LongString(trace)) = trace {
        continues(&span, &trace.to_string());
    }
    span
}

/// No more clicks, please.
async fn cancel(channel: &Channel) -> Result<(), Failure> {
    let options = BasicCancelOptions::default();
    let cancelled = channel.basic_cancel(NAME.into(), options);
    timeout(ANSWER, cancelled).await.map_err(|_| Failure::Silent)??;
    Ok(())
}
