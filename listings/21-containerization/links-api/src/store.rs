//! Where links are kept: in memory, and gone with the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::link::{Code, Target};

// ANCHOR: store
/// Links by code. Locked for moments only, and never across an await.
#[derive(Debug, Default)]
pub struct Store {
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    by_code: BTreeMap<Code, Target>,
    /// How many were ever created: a code is never given out twice.
    created: u64,
}
// ANCHOR_END: store

/// Most links that are kept. Each costs some 2 KiB at worst, so this
/// bounds the memory.
pub const MOST_LINKS: usize = 10_000;

impl Store {
    fn links(&self) -> MutexGuard<'_, Links> {
        // No code that holds it panics halfway through a change.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a link under a new code; `None` when the store is full.
    pub fn create(&self, target: Target) -> Option<Code> {
        let mut links = self.links();
        if links.by_code.len() >= MOST_LINKS {
            return None;
        }
        let code = Code::nth(links.created);
        links.created += 1;
        links.by_code.insert(code.clone(), target);
        Some(code)
    }

    /// Where a code leads.
    pub fn find(&self, code: &Code) -> Option<Target> {
        self.links().by_code.get(code).cloned()
    }

    /// Removes a link; whether it was there.
    pub fn delete(&self, code: &Code) -> bool {
        self.links().by_code.remove(code).is_some()
    }

    /// All links, by code.
    pub fn list(&self) -> Vec<(Code, Target)> {
        self.links()
            .by_code
            .iter()
            .map(|(c, t)| (c.clone(), t.clone()))
            .collect()
    }
}
