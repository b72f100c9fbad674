//! Waiting for a condition, and saying what was last seen when it does not come.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer; gives it back.
///
/// # Panics
/// When the budget is spent: with `what` and the last refusal.
#[track_caller]
pub fn eventually<T, E: Debug>(what: &str, budget: Duration, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) if start.elapsed() >= budget => {
                panic!("{what}: not within {} s; last seen: {last:?}", budget.as_secs_f64())
            }
            Err(_) => std::thread::park_timeout(EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_soon_as_there_is_an_answer() {
        let mut asked = 0;
        let answer = eventually("the third time", Duration::from_secs(5), || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err("not yet") }
        });
        assert_eq!(answer, 3);
    }

    #[test]
    #[should_panic(expected = "a miracle: not within 0.01 s; last seen: \"none\"")]
    fn it_says_what_it_saw_last() {
        eventually::<(), _>("a miracle", Duration::from_millis(10), || Err("none"));
    }
}
