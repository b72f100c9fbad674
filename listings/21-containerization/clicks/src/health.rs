//! What the probes say. It is known before anybody asks: a probe never waits for a broker or a database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service::probes::Status;
use tokio::time::{MissedTickBehavior, interval};

use crate::counts::Counts;

/// How often the database is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long its answer may take.
const ANSWER: Duration = Duration::from_millis(500);

/// What is known of those that this program needs. Shared by all clones.
#[derive(Clone, Debug)]
pub struct Health {
    status: Status,
    known: Arc<Mutex<Known>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    consuming: bool,
    database: bool,
    stopping: bool,
}

impl Known {
    // ANCHOR: lacks
    /// What keeps clicks from being counted now.
    fn lacks(self) -> Option<&'static str> {
        match self {
            Known { stopping: true, .. } => Some("stopping"),
            Known { database: false, .. } => Some("no database"),
            Known { consuming: false, .. } => Some("no broker"),
            _ => None,
        }
    }
    // ANCHOR_END: lacks
}

impl Health {
    // ANCHOR: started
    /// Health of a process that has started, and knows nobody yet. A
    /// start that waited for a database would be restarted for it.
    pub fn new(status: Status) -> Health {
        status.ready();
        let known = Arc::default();
        let health = Health { status, known };
        health.change(|_| ());
        health
    }
    // ANCHOR_END: started

    /// Whether the broker hands clicks over; gives back what was known before.
    pub fn set_consuming(&self, consuming: bool) -> bool {
        self.change(|known| {
            std::mem::replace(&mut known.consuming, consuming)
        })
    }

    /// Whether the database answers.
    pub fn set_database(&self, answers: bool) {
        self.change(|known| known.database = answers);
    }

    /// No more clicks are taken.
    pub fn set_stopping(&self) {
        self.change(|known| known.stopping = true);
    }

    /// Whether clicks are counted.
    pub fn is_ready(&self) -> bool {
        self.status.is_ready()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let known = self.known.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        let before = change(&mut known);
        match known.lacks() {
            None => self.status.ready(),
            Some(why) => self.status.not_ready(why),
        }
        before
    }

    // ANCHOR: watch
    /// Asks the database again and again, whether clicks come or not.
    /// It does not end by itself.
    pub async fn watch(&self, counts: &Counts) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.set_database(counts.answers(ANSWER).await);
        }
    }
    // ANCHOR_END: watch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_while_both_are_there_and_nobody_has_asked_it_to_stop()
     {
        let health = Health::new(Status::default());
        assert!(!health.is_ready());
        health.set_database(true);
        assert!(!health.is_ready());
        assert!(!health.set_consuming(true));
        assert!(health.is_ready());
        health.set_database(false);
        assert!(!health.is_ready());
        health.set_database(true);
        assert!(health.set_consuming(false));
        assert!(!health.is_ready());
        health.set_consuming(true);
        assert!(health.is_ready());
        health.set_stopping();
        assert!(!health.is_ready());
    }
}
