//! The event: somebody followed a short link.

use serde::{Deserialize, Serialize};

/// The queue that clicks wait in.
pub const QUEUE: &str = "clicks";

/// Where messages go that are no clicks, for a person to look at.
pub const DEAD: &str = "clicks.dead";

// ANCHOR: click
/// Somebody followed a short link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// Made once, where the click happened: a click that is sent
    /// again keeps it, and is counted once.
    pub id: String,
    /// The code that was followed.
    pub code: String,
}
// ANCHOR_END: click
