//! What the probes say of this process and of its database.

// EXERCISE: solution
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
// STARTER: use std::net::SocketAddr;
// EXERCISE_END

use crate::postgres;

// EXERCISE: solution
/// How often the database is looked at.
const EVERY: Duration = Duration::from_millis(200);
/// How long one look may take.
const LONGEST: Duration = Duration::from_millis(200);
/// How long an answer counts.
const FRESH: Duration = Duration::from_millis(700);

/// Looks again and again, as long as the process lives.
fn watch(database: SocketAddr, seen: &Mutex<Option<Instant>>) {
    loop {
        let asked = Instant::now();
        if postgres::ask(database, Some(LONGEST)).is_ok() {
            let last = seen.lock();
            *last.unwrap_or_else(PoisonError::into_inner) = Some(asked);
        }
        std::thread::sleep(EVERY);
    }
}

/// One for the whole server.
#[derive(Debug)]
pub struct Probes {
    /// When the database was last known to answer.
    last: Arc<Mutex<Option<Instant>>>,
}
// STARTER: /// One for the whole server.
// STARTER: #[derive(Debug)]
// STARTER: pub struct Probes {
// STARTER:     database: SocketAddr,
// STARTER: }
// EXERCISE_END

impl Probes {
    /// Begins to look after a database.
    pub fn start(database: SocketAddr) -> Probes {
        // EXERCISE: solution
        let last = Arc::new(Mutex::new(None));
        let seen = last.clone();
        std::thread::spawn(move || watch(database, &seen));
        Probes { last }
        // STARTER: Probes { database }
        // EXERCISE_END
    }

    /// Whether there is no reason to restart this process.
    pub fn is_alive(&self) -> bool {
        // EXERCISE: solution
        true
        // STARTER: postgres::ask(self.database, None).is_ok()
        // EXERCISE_END
    }

    /// Whether requests can be answered now.
    pub fn is_ready(&self) -> bool {
        // EXERCISE: solution
        let last = self.last.lock();
        let last = *last.unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < FRESH)
        // STARTER: postgres::ask(self.database, None).is_ok()
        // EXERCISE_END
    }
}
