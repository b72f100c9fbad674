//! How many requests are in flight, and the moment when there are none.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many requests are in flight. Shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Flights(watch::Sender<usize>);

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub struct Flight(watch::Sender<usize>);

impl Flights {
    /// One more, until what comes back is dropped.
    pub fn begin(&self) -> Flight {
        self.0.send_modify(|n| *n += 1);
        Flight(self.0.clone())
    }

    // ANCHOR: quiet
    /// Completes when nothing has been in flight for this long.
    pub async fn quiet(&self, linger: Duration) {
        let mut flights = self.0.subscribe();
        // The sender is here, so that waiting does not fail.
        while flights.wait_for(|n| *n == 0).await.is_ok() {
            let begun = flights.wait_for(|n| *n > 0);
            if timeout(linger, begun).await.is_err() {
                return;
            }
        }
    }
    // ANCHOR_END: quiet
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LINGER: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn nothing_in_flight_is_quiet_after_a_while() {
        let begin = Instant::now();
        Flights::default().quiet(LINGER).await;
        assert!(begin.elapsed() >= LINGER);
    }

    #[tokio::test]
    async fn each_flight_is_waited_for() {
        let flights = Flights::default();
        let (one, two) = (flights.begin(), flights.begin());
        let quiet = flights.quiet(LINGER);
        tokio::pin!(quiet);
        let mut waits = async || {
            let longer = 3 * LINGER;
            timeout(longer, &mut quiet).await.is_err()
        };
        assert!(waits().await);
        drop(one);
        assert!(waits().await);
        drop(two);
        assert!(!waits().await);
    }

    #[tokio::test]
    async fn one_that_begins_in_the_quiet_is_waited_for_as_well() {
        let flights = Flights::default();
        let quiet = flights.quiet(LINGER);
        tokio::pin!(quiet);
        let mut waits =
            async |long| timeout(long, &mut quiet).await.is_err();
        assert!(waits(Duration::ZERO).await);
        let late = flights.begin();
        assert!(waits(3 * LINGER).await);
        drop(late);
        quiet.await;
    }
}
