//! What the tests with an engine share.
#![allow(dead_code, reason = "not every test needs all of it")]

use book_support::docker::Build;

/// A build of one of the Dockerfiles of this package, of `links-api`.
pub fn build(dockerfile: &str) -> Build {
    of(dockerfile, "listings/21-containerization/links-api")
}

/// A build that takes no file from its context.
pub fn alone(dockerfile: &str) -> Build {
    of(dockerfile, "listings/21-containerization/supply/src/bin")
}

fn of(dockerfile: &str, context: &str) -> Build {
    let folder = "listings/21-containerization/supply";
    Build::of(&format!("{folder}/{dockerfile}"), context)
}

/// A captured file of this package.
pub fn file(name: &str) -> String {
    format!("listings/21-containerization/supply/captured/{name}.txt")
}
