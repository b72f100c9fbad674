//! Where links are kept. The routes know the trait [`Links`]; [`Store`] keeps links in memory, and they are gone with the
//! process.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::link::{Code, Target};

// ANCHOR: links
/// What the routes need of a store. A clone is the same store.
pub trait Links: Clone + Send + Sync + 'static {
    /// Keeps a link under a new code.
    fn create(&self, target: Target) -> impl Answer<Code>;
    /// Where a code leads.
    fn find(&self, code: &Code) -> impl Answer<Option<Target>>;
    /// Removes a link; whether it was there.
    fn delete(&self, code: &Code) -> impl Answer<bool>;
    /// Links, by code: [`MOST_LINKS`] at most.
    fn list(&self) -> impl Answer<Vec<(Code, Target)>>;
    // ANCHOR_END: links
    // ANCHOR: heard
    /// Hears that a link was followed. Nobody waits for this.
    fn followed(&self, _code: &Code) {}
    /// Whether it can do all this now, as far as it knows.
    fn is_ready(&self) -> bool {
        true
    }
    // ANCHOR_END: heard
}

// ANCHOR: answer
/// What a store says, sooner or later.
pub trait Answer<T>:
    Future<Output = Result<T, Failure>> + Send
{
}

impl<T, F> Answer<T> for F where
    F: Future<Output = Result<T, Failure>> + Send
{
}

/// Why a store has not done what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It keeps as many links as it may.
    #[error("the store is full; delete links first")]
    Full,
    /// It does not take this. It says what, and why.
    #[error("{0}")]
    Refused(String),
    /// It is not there, or cannot work.
    #[error("the store is away; try again in a moment")]
    Away,
    /// It has not answered in time.
    #[error("the store took too long; try again in a moment")]
    Late,
}
// ANCHOR_END: answer

// ANCHOR: store
/// Links by code. Locked for moments only, and never across an await.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    by_code: BTreeMap<Code, Target>,
    /// How many were ever created: a code is never given out twice.
    created: u64,
}
// ANCHOR_END: store

/// Most links that are kept. Each costs some 2 KiB at worst, so this
/// bounds the memory.
pub const MOST_LINKS: usize = 10_000;

impl Store {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No code that holds it panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links for Store {
    async fn create(&self, target: Target) -> Result<Code, Failure> {
        let mut kept = self.kept();
        if kept.by_code.len() >= MOST_LINKS {
            return Err(Failure::Full);
        }
        let code = Code::nth(kept.created);
        kept.created += 1;
        kept.by_code.insert(code.clone(), target);
        Ok(code)
    }

    async fn find(
        &self,
        code: &Code,
    ) -> Result<Option<Target>, Failure> {
        Ok(self.kept().by_code.get(code).cloned())
    }

    async fn delete(&self, code: &Code) -> Result<bool, Failure> {
        Ok(self.kept().by_code.remove(code).is_some())
    }

    async fn list(&self) -> Result<Vec<(Code, Target)>, Failure> {
        let kept = self.kept();
        let links = kept.by_code.iter();
        Ok(links.map(|(c, t)| (c.clone(), t.clone())).collect())
    }
}
