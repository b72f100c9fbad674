//! The pause before the next attempt: it doubles, up to a bound.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);

// ANCHOR: backoff
/// Longer pauses after each failure, and never too long a one.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}
// ANCHOR_END: backoff

impl Backoff {
    /// One that has seen no failure.
    pub fn up_to(longest: Duration) -> Backoff {
        Backoff { next: FIRST.min(longest), longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::up_to(Duration::from_millis(150));
        let pauses: Vec<_> =
            (0..4).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [50, 100, 150, 150]);
    }
}
