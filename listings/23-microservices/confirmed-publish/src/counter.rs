//! The consumer: takes clicks, counts each, and then says so to the broker.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions,
    BasicRejectOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::time::{Instant, timeout_at};

use crate::click::Click;
use crate::ledger::Ledger;
use crate::patience::{Link, Patience};
use crate::queue::{self, CLICKS};

/// Clicks that the broker may have handed over and that are not yet acknowledged.
pub const PREFETCH: u16 = 64;

/// What a counter has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Clicks that counted.
    pub counted: usize,
    /// Clicks that had counted before.
    pub dropped: usize,
    /// Messages that were no clicks.
    pub refused: usize,
}

/// Why a counter ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The ledger cannot be written. What is not counted is not acknowledged.
    #[error("the ledger cannot be written: {0}")]
    Ledger(#[from] io::Error),
    /// The broker said nothing in time.
    #[error("the broker does not answer")]
    Silent,
    /// The connection or the channel broke.
    #[error(transparent)]
    Broken(#[from] lapin::Error),
}

/// Counts clicks into a ledger.
pub struct Counter {
    url: String,
    patience: Patience,
    ledger: Ledger,
    done: Done,
}

impl Failure {
    /// Whether another attempt would fail in the same way.
    fn is_hopeless(&self) -> bool {
        match self {
            Failure::Ledger(_) => true,
            // The broker has understood, and says no.
            Failure::Broken(error) => error.is_amqp_soft_error(),
            Failure::Silent => false,
        }
    }
}

impl Counter {
    /// One that has not connected.
    pub fn new(
        url: &str,
        patience: Patience,
        ledger: Ledger,
    ) -> Counter {
        Counter {
            url: url.to_owned(),
            patience,
            ledger,
            done: Done::default(),
        }
    }

    /// What it has done since it was made.
    pub fn done(&self) -> Done {
        self.done
    }

    /// What was counted.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Counts until `stop` completes; with `backlog`, only what waits in the queue now. A broker that is away is waited
    /// for, as long as patience lasts.
    pub async fn run(
        &mut self,
        backlog: bool,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let mut stop = pin!(stop);
        let mut attempts = self.patience.attempts();
        loop {
            let before = self.done;
            let by = attempts.answer_by();
            let attempt = self.attempt(backlog, by, stop.as_mut());
            let Err(failure) = attempt.await else { return Ok(()) };
            tracing::warn!(%failure, "no clicks come");
            if self.done != before {
                attempts = self.patience.attempts();
            }
            if failure.is_hopeless() {
                return Err(failure);
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                again = attempts.again() => if !again {
                    return Err(failure);
                },
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn attempt(
        &mut self,
        backlog: bool,
        by: Instant,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Failure> {
        let opened = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            opened = timeout_at(by, open(&self.url)) => opened,
        };
        let (link, waiting, clicks) =
            opened.map_err(|_| Failure::Silent)??;
        let most = if backlog { waiting } else { usize::MAX };
        let ended = self.session(clicks, most, stop).await;
        link.close().await;
        ended
    }

    /// Handles one click after another until told to stop.
    async fn session(
        &mut self,
        clicks: Consumer,
        most: usize,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Failure> {
        let mut clicks = clicks.take(most);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                next = clicks.next() => match next {
                    Some(delivery) => self.handle(delivery?).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Counts first, acknowledges then.
    // ANCHOR: handle
    async fn handle(
        &mut self,
        message: Delivery,
    ) -> Result<(), Failure> {
        let Ok(click) = Click::from_json(&message.data) else {
            return self.refuse(message).await;
        };
        let count = || self.ledger.count(&click);
        match tokio::task::block_in_place(count)? {
            true => self.done.counted += 1,
            false => self.done.dropped += 1,
        }
        message.ack(BasicAckOptions::default()).await?;
        Ok(())
    }
    // ANCHOR_END: handle

    async fn refuse(
        &mut self,
        message: Delivery,
    ) -> Result<(), Failure> {
        self.done.refused += 1;
        tracing::error!(bytes = message.data.len(), "this is no click");
        message.reject(BasicRejectOptions { requeue: false }).await?;
        Ok(())
    }
}

/// Connects; how many clicks wait, and the clicks.
async fn open(url: &str) -> lapin::Result<(Link, usize, Consumer)> {
    let link = Link::open(url).await?;
    let waiting = queue::declare(&link.channel).await?.message_count();
    let clicks = consume(&link.channel).await?;
    Ok((link, waiting as usize, clicks))
}

// ANCHOR: consume
/// Asks for clicks, but for no more than can be acknowledged soon.
async fn consume(channel: &Channel) -> lapin::Result<Consumer> {
    let qos = BasicQosOptions::default();
    channel.basic_qos(PREFETCH, qos).await?;
    let options =
        BasicConsumeOptions { no_ack: false, ..Default::default() };
    let arguments = FieldTable::default();
    let (queue, name) = (CLICKS.into(), "".into());
    channel.basic_consume(queue, name, options, arguments).await
}
// ANCHOR_END: consume
