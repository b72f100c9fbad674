//! How long to wait: for one answer, before the next attempt, and in all.

use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::Instant;

// ANCHOR: patience
/// The three times that end waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one answer of the broker.
    pub answer: Duration,
    /// Longest pause between two attempts.
    pub pause: Duration,
    /// For all attempts together.
    pub deadline: Duration,
}
// ANCHOR_END: patience

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            answer: Duration::from_secs(5),
            pause: Duration::from_secs(2),
            deadline: Duration::from_secs(60),
        }
    }
}

/// The first pause, doubled after each attempt.
const FIRST: Duration = Duration::from_millis(50);

/// The attempts at one thing.
#[derive(Debug)]
pub struct Attempts {
    patience: Patience,
    next: Duration,
    end: Instant,
}

impl Patience {
    /// Begins: the deadline counts from now.
    pub fn attempts(self) -> Attempts {
        Attempts {
            patience: self,
            next: FIRST.min(self.pause),
            end: Instant::now() + self.deadline,
        }
    }
}

impl Attempts {
    /// When the attempt that begins now has to have its answer.
    pub fn answer_by(&self) -> Instant {
        self.end.min(Instant::now() + self.patience.answer)
    }

    // ANCHOR: again
    /// Waits for the next attempt. False when it would not get its
    /// answer before the deadline: then there is none.
    pub async fn again(&mut self) -> bool {
        let Some(pause) = self.pause() else { return false };
        tokio::time::sleep(pause).await;
        true
    }

    fn pause(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(self.patience.pause);
        let answer = Instant::now() + pause + self.patience.answer;
        (answer < self.end).then_some(pause)
    }
    // ANCHOR_END: again
}

/// A connection and its one channel. They end together.
pub struct Link {
    /// Ends when it is dropped; [`Link::close`] says goodbye first.
    pub connection: Connection,
    /// Where everything is said.
    pub channel: Channel,
}

impl Link {
    /// Connects. It waits as long as the broker likes: bound it.
    pub async fn open(url: &str) -> lapin::Result<Link> {
        let properties = ConnectionProperties::default()
            .with_connection_name("clicks".into());
        let connection = Connection::connect(url, properties).await?;
        let channel = connection.create_channel().await?;
        Ok(Link { connection, channel })
    }

    /// Closes, and does not wait long for somebody who is gone.
    pub async fn close(self) {
        let bye = self.connection.close(200, "bye".into());
        // Closing a connection that is broken changes nothing.
        let _ = tokio::time::timeout(Duration::from_secs(1), bye).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn pauses_double_up_to_the_longest_and_end_before_the_deadline() {
        let ms = Duration::from_millis;
        let patience =
            Patience { answer: ms(9), pause: ms(150), deadline: HOUR };
        let mut attempts = patience.attempts();
        let pauses: Vec<_> = (0..4).map(|_| attempts.pause()).collect();
        assert_eq!(pauses, [50, 100, 150, 150].map(|n| Some(ms(n))));

        let over = Patience { answer: HOUR, ..patience };
        assert_eq!(over.attempts().pause(), None);
    }

    #[test]
    fn an_answer_is_waited_for_until_the_deadline_at_most() {
        let patience =
            Patience { answer: HOUR, pause: HOUR, deadline: HOUR / 2 };
        let attempts = patience.attempts();
        assert_eq!(attempts.answer_by(), attempts.end);
        let hasty =
            Patience { answer: HOUR / 4, ..patience }.attempts();
        assert!(hasty.answer_by() < hasty.end);
    }
}
