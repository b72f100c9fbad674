//! Where the images of module 21 are made from.

#[cfg(feature = "docker")]
use book_support::docker::Build;

/// The program's folder: the build context of every image.
pub const CONTEXT: &str = "listings/21-containerization/links-api";

/// A build of one of the Dockerfiles beside this crate.
#[cfg(feature = "docker")]
pub fn build(dockerfile: &str) -> Build {
    Build::of(
        &format!("listings/21-containerization/images/{dockerfile}"),
        CONTEXT,
    )
}

/// A captured file beside this crate.
pub fn captured(name: &str) -> String {
    format!("listings/21-containerization/images/captured/{name}.txt")
}
