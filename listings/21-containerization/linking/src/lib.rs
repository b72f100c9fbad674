//! What the tests of this package share: images, what programs said, and a bounded load.

pub mod load;

use std::process::Output;

#[cfg(feature = "docker")]
use book_support::docker::{Build, Image};

const MODULE: &str = "listings/21-containerization";

/// A stage of a Dockerfile beside this crate, built from the folder
/// of another.
#[cfg(feature = "docker")]
pub fn image(dockerfile: &str, context: &str, target: &str) -> Image {
    let dockerfile =
        format!("{MODULE}/linking/{dockerfile}.Dockerfile");
    let build = Build::of(&dockerfile, &format!("{MODULE}/{context}"));
    build.arg(&format!("--target={target}")).run()
}

/// A captured file beside this crate.
pub fn file(name: &str) -> String {
    format!("{MODULE}/linking/captured/{name}.txt")
}

/// Both outputs of a command, trimmed.
pub fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

/// The middle one of some numbers.
///
/// # Panics
/// When there is none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
