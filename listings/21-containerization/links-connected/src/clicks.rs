//! Clicks on their way to the broker. A redirect leaves its click in memory and goes on; a task of its own sends what
//! is there, and does not forget a click before the broker has confirmed it.
//!
//! What is sent again keeps its id, so that whoever counts can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    PublisherConfirm,
};
use links_contract::broker;
use links_contract::click::{Click, QUEUE};
use service::backoff::Backoff;
use service::telemetry::{TRACEPARENT, traceparent};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Most clicks that wait in memory: some 2 MB.
pub const MOST_WAITING: usize = 10_000;

/// Clicks that are sent before the first confirmation is waited for.
const WINDOW: usize = 64;

/// Longest time for the confirmations of a window.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// RabbitMQ's mark for a message that has to survive a restart.
const PERSISTENT: u8 = 2;

/// A click, and the trace of the request that it came from.
#[derive(Clone, Debug)]
struct Event {
    click: Click,
    trace: Option<String>,
}

/// What has become of clicks. Each was offered; it is then confirmed,
/// lost, or still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Left by redirects.
    pub offered: u64,
    /// Kept by the broker.
    pub confirmed: u64,
    /// Dropped: the memory was full, or the program had ended.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Numbers {
    offered: AtomicU64,
    confirmed: AtomicU64,
    lost: AtomicU64,
}

/// Where redirects leave their clicks. A clone is the same place.
#[derive(Clone, Debug)]
pub struct Clicks {
    waiting: mpsc::Sender<Event>,
    numbers: Arc<Numbers>,
}

impl Clicks {
    // ANCHOR: offer
    /// Leaves a click. It never waits: when the memory is full, the
    /// click is lost, and that is counted.
    pub fn offer(&self, click: Click) {
        let event = Event { click, trace: traceparent() };
        self.numbers.offered.fetch_add(1, Ordering::Relaxed);
        if self.waiting.try_send(event).is_err() {
            self.lose();
        }
    }
    // ANCHOR_END: offer

    fn lose(&self) {
        let lost =
            self.numbers.lost.fetch_add(1, Ordering::Relaxed) + 1;
        // A full memory must not fill the log as well.
        if lost.is_power_of_two() {
            tracing::warn!(lost, "clicks are lost: too many wait");
        }
    }

    /// What has become of all clicks so far.
    pub fn fate(&self) -> Fate {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let Numbers { offered, confirmed, lost } = &*self.numbers;
        // The first is read last: a click is offered before all else.
        let (confirmed, lost) = (read(confirmed), read(lost));
        Fate { offered: read(offered), confirmed, lost }
    }
}

/// Why a window was not confirmed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the broker does not answer")]
    Silent,
    #[error("the broker does not take clicks now")]
    Refused,
    #[error(transparent)]
    Broken(#[from] lapin::Error),
}

/// Sends what redirects have left.
pub struct Publisher {
    broker: AMQPUri,
    waiting: mpsc::Receiver<Event>,
    numbers: Arc<Numbers>,
    /// Taken from the waiting ones, and not yet confirmed.
    window: Vec<Event>,
    /// A connection and its channel. They end together.
    link: Option<(Connection, Channel)>,
}

/// Both ends of the way to a broker: at most so many clicks wait on it.
pub fn way(broker: AMQPUri, most: usize) -> (Clicks, Publisher) {
    let (sender, waiting) = mpsc::channel(most);
    let numbers = Arc::<Numbers>::default();
    let clicks = Clicks { waiting: sender, numbers: numbers.clone() };
    let window = Vec::with_capacity(WINDOW);
    let publisher =
        Publisher { broker, waiting, numbers, window, link: None };
    (clicks, publisher)
}

impl Publisher {
    // ANCHOR: run
    /// Sends clicks as they come. Told until when, it takes no more,
    /// sends those that wait, and ends: then at the latest.
    pub async fn run(mut self, end: oneshot::Receiver<Instant>) {
        let until = tokio::select! {
            () = self.send_all() => return,
            until = end => until.unwrap_or_else(|_| Instant::now()),
        };
        self.waiting.close();
        if timeout_at(until, self.send_all()).await.is_err() {
            self.give_up();
        }
        self.close().await;
    }
    // ANCHOR_END: run

    // ANCHOR: send-all
    /// Sends what waits, window by window, until nothing more comes.
    async fn send_all(&mut self) {
        loop {
            if self.window.is_empty() {
                let next =
                    self.waiting.recv_many(&mut self.window, WINDOW);
                if next.await == 0 {
                    return;
                }
            }
            self.save().await;
            let kept = self.window.len() as u64;
            self.numbers.confirmed.fetch_add(kept, Ordering::Relaxed);
            self.window.clear();
        }
    }
    // ANCHOR_END: send-all

    // ANCHOR: save
    /// Sends a window until the broker keeps all of it.
    async fn save(&mut self) {
        let mut backoff = Backoff::up_to(PAUSE);
        loop {
            let attempt = timeout(ANSWER, self.attempt()).await;
            let failure = match attempt.unwrap_or(Err(Failure::Silent))
            {
                Ok(()) => return,
                Err(failure) => failure,
            };
            let waiting = self.waiting.len() + self.window.len();
            tracing::warn!(%failure, waiting, "clicks wait");
            self.link = None;
            sleep(backoff.pause()).await;
        }
    }
    // ANCHOR_END: save

    /// One attempt at a window, on a new connection if need be.
    async fn attempt(&mut self) -> Result<(), Failure> {
        if self.link.is_none() {
            self.link = Some(connect(&self.broker).await?);
        }
        match &self.link {
            Some((_, channel)) => {
                confirmed(channel, &self.window).await
            }
            None => Err(Failure::Silent),
        }
    }

    fn give_up(&mut self) {
        let lost = self.waiting.len() + self.window.len();
        tracing::warn!(lost, "clicks are lost: the broker is away");
        self.numbers.lost.fetch_add(lost as u64, Ordering::Relaxed);
    }

    async fn close(&mut self) {
        if let Some((connection, _)) = self.link.take() {
            let bye = connection.close(200, "bye".into());
            // Closing a connection that is broken changes nothing.
            let _ = timeout(Duration::from_secs(1), bye).await;
        }
    }
}

// ANCHOR: connect
/// Connects, makes the queues, and asks for confirmations.
async fn connect(
    uri: &AMQPUri,
) -> lapin::Result<(Connection, Channel)> {
    let connection = broker::connect("links", uri).await?;
    let channel = connection.create_channel().await?;
    broker::declare(&channel).await?;
    let options = ConfirmSelectOptions::default();
    channel.confirm_select(options).await?;
    Ok((connection, channel))
}
// ANCHOR_END: connect

// ANCHOR: confirmed
/// Sends clicks, then waits until the broker keeps all of them.
async fn confirmed(
    channel: &Channel,
    window: &[Event],
) -> Result<(), Failure> {
    let mut confirms = Vec::with_capacity(window.len());
    for event in window {
        confirms.push(send(channel, event).await?);
    }
    for confirm in confirms {
        // A nack, or a message that came back: no queue has it.
        if confirm.await? != Confirmation::Ack(None) {
            return Err(Failure::Refused);
        }
    }
    Ok(())
}
// ANCHOR_END: confirmed

async fn send(
    channel: &Channel,
    event: &Event,
) -> lapin::Result<PublisherConfirm> {
    let body = event.click.to_json();
    let mandatory =
        BasicPublishOptions { mandatory: true, immediate: false };
    channel
        .basic_publish(
            "".into(),
            QUEUE.into(),
            mandatory,
            body.as_bytes(),
            properties(event),
        )
        .await
}

fn properties(event: &Event) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_message_id(event.click.id.as_str().into())
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT);
    let Some(trace) = &event.trace else { return properties };
    let mut headers = FieldTable::default();
    let trace = AMQPValue::LongString(trace.as_str().into());
    headers.insert(TRACEPARENT.into(), trace);
    properties.with_headers(headers)
}
