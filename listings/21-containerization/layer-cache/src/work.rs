//! What a step costs, counted in crates that cargo compiles.

use crate::cache::File;

/// The crates that `links-api` is made from, without itself. A test
/// asks cargo for the same number.
pub const DEPENDENCIES: u32 = 56;

// ANCHOR: work
/// What a step compiles when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    Nothing,
    /// All dependencies, and one program.
    Everything,
    /// The program alone: its dependencies lie in a layer below.
    Program,
    /// What changed: the cache mount still holds all else.
    Changes,
}
// ANCHOR_END: work

impl Work {
    // ANCHOR: crates
    /// The crates that are compiled, after this file was edited. Who
    /// edits the manifest adds one dependency.
    pub fn crates(self, edited: Option<File>) -> u32 {
        let added = u32::from(edited == Some(File::Manifest));
        let touched =
            matches!(edited, Some(File::Manifest | File::Source));
        match self {
            Work::Nothing => 0,
            Work::Everything => DEPENDENCIES + added + 1,
            Work::Program => 1,
            Work::Changes => added + u32::from(touched),
        }
    }
    // ANCHOR_END: crates
}
