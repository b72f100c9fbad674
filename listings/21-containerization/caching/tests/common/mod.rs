//! What the tests of this package share.

use book_support::docker::{Build, Image};
use caching::Steps;

pub const HERE: &str = "listings/21-containerization/caching";

#[allow(dead_code)]
/// A program with a few dependencies, quick enough to be built often.
pub const REPORT: &str =
    "listings/21-containerization/exercises/cached-pipeline/files";

/// One without any, which builds at once.
#[allow(dead_code)]
pub const SMALL: &str =
    "listings/21-containerization/layer-cache/tests/context";

/// A build that reports in JSON.
pub fn build(dockerfile: &str, context: &str) -> Build {
    Build::of(dockerfile, context).arg("--progress=rawjson")
}

pub fn steps(image: &Image) -> Steps {
    Steps::read(image.log().as_bytes()).expect("the engine reports")
}

/// A word that no other run has used.
#[allow(dead_code)]
pub fn unique(word: &str) -> String {
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("{word}-{}-{now}", std::process::id())
}

/// Takes the cache mounts with this word in their name out of the
/// engine, when dropped.
#[allow(dead_code)]
pub struct Mounts(pub String);

impl Drop for Mounts {
    fn drop(&mut self) {
        caching::edits::forget_mounts(&self.0);
    }
}
