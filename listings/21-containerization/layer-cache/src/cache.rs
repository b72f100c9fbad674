//! The rule of the layer cache.

use crate::work::Work;

// ANCHOR: file
/// A file of the build context, as far as this model tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `Cargo.toml`, and the `Cargo.lock` that follows it.
    Manifest,
    /// `src/main.rs`.
    Source,
    /// `README.md`, of which no compiler knows.
    Readme,
}
// ANCHOR_END: file

// ANCHOR: step
/// One instruction of a Dockerfile.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// As the Dockerfile says it.
    pub text: &'static str,
    /// The files whose content it brings in.
    pub reads: &'static [File],
    /// What it compiles.
    pub work: Work,
}
// ANCHOR_END: step

impl Step {
    /// Begins anew, from a base image.
    fn begins_stage(&self) -> bool {
        self.text.starts_with("FROM ")
    }
}

// ANCHOR: rule
/// For each step, whether it runs again after this file was edited.
///
/// A step is taken from the cache when the step above it was, and
/// when the files that it brings in are what they were.
pub fn runs_again(steps: &[Step], edited: Option<File>) -> Vec<bool> {
    let mut again = false;
    let look = |step: &Step| {
        let changed =
            edited.is_some_and(|file| step.reads.contains(&file));
        again = changed || (again && !step.begins_stage());
        again
    };
    steps.iter().map(look).collect()
}
// ANCHOR_END: rule
