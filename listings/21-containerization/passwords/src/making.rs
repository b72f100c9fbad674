//! How many hashes are made at this moment, for whoever wants to wait for one.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cost::{self, Cost, Error};

static NOW: AtomicUsize = AtomicUsize::new(0);

// ANCHOR: one
/// Counted as long as it lives, also when a hash panics.
struct One;

impl One {
    fn begin() -> One {
        NOW.fetch_add(1, Ordering::Relaxed);
        One
    }
}

impl Drop for One {
    fn drop(&mut self) {
        NOW.fetch_sub(1, Ordering::Relaxed);
    }
}
// ANCHOR_END: one

/// As [`cost::hash`], and counted.
///
/// # Errors
/// As [`cost::hash`].
pub fn hash(password: &str, cost: Cost) -> Result<String, Error> {
    let _one = One::begin();
    cost::hash(password, cost)
}

/// How many have begun and not ended.
pub fn now() -> usize {
    NOW.load(Ordering::Relaxed)
}
