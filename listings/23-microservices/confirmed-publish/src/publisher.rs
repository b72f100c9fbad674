//! Publishing until the broker has said that it keeps each click.
//!
//! lapin can reconnect by itself (`enable_auto_recover`). What was sent and not confirmed it does not send again: that
//! is for the program to do, in a loop with a deadline. As this loop has to be, it also reconnects: one place that
//! decides how often and how long.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::time::{Instant, timeout_at};

use crate::click::Click;
use crate::patience::{Link, Patience};

/// Clicks that are on their way at once: sent, and not yet confirmed.
pub const WINDOW: usize = 64;

/// Why an attempt to publish failed.
// ANCHOR: error
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No queue takes them. Nobody has made it, or its name is wrong.
    #[error("no queue takes {0:?}")]
    NoQueue(Vec<String>),
    /// The queue is full, or cannot store now.
    #[error("the broker refuses a click")]
    Refused,
    /// The broker said nothing in time.
    #[error("the broker does not answer")]
    Silent,
    /// The connection or the channel broke.
    #[error(transparent)]
    Broken(#[from] lapin::Error),
}
// ANCHOR_END: error

impl Failure {
    /// Whether another attempt would fail in the same way.
    fn is_hopeless(&self) -> bool {
        matches!(self, Failure::NoQueue(_))
    }
}

/// The publisher gave up.
#[derive(Debug, thiserror::Error)]
#[error("{confirmed} clicks confirmed, then given up")]
pub struct GivenUp {
    /// Clicks that are safe.
    pub confirmed: usize,
    /// The last failure.
    #[source]
    pub last: Failure,
}

/// What a publisher has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Clicks that the broker keeps.
    pub confirmed: usize,
    /// Messages that were sent for that, or more in vain.
    pub sent: usize,
}

/// Publishes clicks. It keeps its connection from one call to the next.
pub struct Publisher {
    url: String,
    patience: Patience,
    link: Option<Link>,
    done: Done,
}

impl Publisher {
    /// One that has not connected.
    pub fn new(url: &str, patience: Patience) -> Publisher {
        Publisher {
            url: url.to_owned(),
            patience,
            link: None,
            done: Done::default(),
        }
    }

    /// What it has done since it was made.
    pub fn done(&self) -> Done {
        self.done
    }

    /// Publishes clicks, in order, and comes back when the broker keeps all of them.
    pub async fn publish(
        &mut self,
        clicks: &[Click],
    ) -> Result<(), GivenUp> {
        for window in clicks.chunks(WINDOW) {
            self.save(window).await?;
        }
        Ok(())
    }

    // ANCHOR: save
    /// Publishes a window of clicks, again if need be.
    async fn save(&mut self, clicks: &[Click]) -> Result<(), GivenUp> {
        let mut attempts = self.patience.attempts();
        loop {
            let by = attempts.answer_by();
            let Err(failure) = self.attempt(clicks, by).await else {
                return Ok(());
            };
            tracing::warn!(%failure, "not confirmed");
            self.link = None;
            if failure.is_hopeless() || !attempts.again().await {
                return Err(self.give_up(failure));
            }
        }
    }
    // ANCHOR_END: save

    fn give_up(&self, last: Failure) -> GivenUp {
        GivenUp { confirmed: self.done.confirmed, last }
    }

    /// One attempt, which has until then.
    async fn attempt(
        &mut self,
        clicks: &[Click],
        by: Instant,
    ) -> Result<(), Failure> {
        let answered = timeout_at(by, self.try_once(clicks)).await;
        answered.unwrap_or(Err(Failure::Silent))
    }

    async fn try_once(
        &mut self,
        clicks: &[Click],
    ) -> Result<(), Failure> {
        if self.link.is_none() {
            self.link = Some(connect(&self.url).await?);
        }
        if let Some(link) = &self.link {
            self.done.sent += clicks.len();
            confirmed(&link.channel, clicks).await?;
        }
        self.done.confirmed += clicks.len();
        Ok(())
    }

    /// Says goodbye to the broker.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }
}

// ANCHOR: connect
/// Connects, and asks the broker to confirm on this channel.
async fn connect(url: &str) -> lapin::Result<Link> {
    let link = Link::open(url).await?;
    let options = ConfirmSelectOptions::default();
    link.channel.confirm_select(options).await?;
    Ok(link)
}
// ANCHOR_END: connect

// ANCHOR: mandatory
/// A message that no queue takes comes back.
const MANDATORY: BasicPublishOptions =
    BasicPublishOptions { mandatory: true, immediate: false };
// ANCHOR_END: mandatory

// ANCHOR: confirmed
/// Sends clicks, then waits until the broker keeps all of them.
async fn confirmed(
    channel: &Channel,
    clicks: &[Click],
) -> Result<(), Failure> {
    let mut confirms = Vec::new();
    for click in clicks {
        confirms.push(click.send(channel, MANDATORY).await?);
    }
    let mut answers = Vec::new();
    for confirm in confirms {
        answers.push(confirm.await?);
    }
    judge(answers)
}
// ANCHOR_END: confirmed

// ANCHOR: judge
/// All is well when each answer is an ack without a message in it.
fn judge(answers: Vec<Confirmation>) -> Result<(), Failure> {
    if answers.iter().all(|a| *a == Confirmation::Ack(None)) {
        return Ok(());
    }
    let returned: Vec<String> = answers
        .into_iter()
        .filter_map(Confirmation::take_message)
        .map(|message| id_of(&message.properties))
        .collect();
    Err(match returned.is_empty() {
        true => Failure::Refused,
        false => Failure::NoQueue(returned),
    })
}
// ANCHOR_END: judge

/// lapin gives a returned message to the next answer that comes, which can be that of another click. So the message
/// itself says which click it is.
fn id_of(properties: &lapin::BasicProperties) -> String {
    let id = properties.message_id().as_ref();
    id.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_nobody_asked_for_proves_nothing() {
        for answer in
            [Confirmation::NotRequested, Confirmation::Nack(None)]
        {
            let answers = vec![Confirmation::Ack(None), answer];
            assert!(matches!(judge(answers), Err(Failure::Refused)));
        }
        assert!(judge(vec![Confirmation::Ack(None)]).is_ok());
    }
}
