//! Whether requests are wanted, and how many are being answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One for the whole server.
#[derive(Debug, Default)]
pub struct Drain {
    /// A stop was asked for.
    stopping: AtomicBool,
    /// Requests that have begun and are not answered yet.
    count: Mutex<usize>,
    /// Told of each request that ends.
    ended: Condvar,
}

impl Drain {
    /// Whether an engine should send requests here.
    pub fn is_ready(&self) -> bool {
        // EXERCISE: solution
        !self.stopping.load(Ordering::SeqCst)
        // STARTER: true
        // EXERCISE_END
    }

    /// A stop is asked for.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Counts a request for as long as the answer lives.
    pub fn begin(&self) -> InFlight<'_> {
        *self.count() += 1;
        InFlight(self)
    }

    /// Waits until all requests are answered, at most this long.
    /// How many are not.
    pub fn wait(&self, longest: Duration) -> usize {
        let count = self.count();
        // EXERCISE: solution
        let (count, _) = self
            .ended
            .wait_timeout_while(count, longest, |count| *count > 0)
            .unwrap_or_else(PoisonError::into_inner);
        // STARTER: // Nobody waits here yet.
        // STARTER: let _ = longest;
        // EXERCISE_END
        *count
    }

    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight<'a>(&'a Drain);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_until_told() {
        let drain = Drain::default();
        assert!(drain.is_ready());
        drain.stop();
        assert!(!drain.is_ready());
    }

    #[test]
    fn waiting_ends_with_the_last_request_or_with_the_time() {
        let drain = Drain::default();
        let request = drain.begin();
        assert_eq!(drain.wait(Duration::from_millis(1)), 1);
        drop(request);
        assert_eq!(drain.wait(Duration::from_secs(60)), 0);
    }
}
