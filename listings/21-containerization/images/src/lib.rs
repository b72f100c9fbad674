//! Where the images of module 21 are made from.

#[cfg(feature = "docker")]
use book_support::docker::{Answer, Build, Container};

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

/// Both outputs of a command, trimmed.
pub fn said(output: &std::process::Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

/// Makes a link in a running container and follows it; gives back what
/// the follower gets.
///
/// # Panics
/// When the service does not do what it is for.
#[cfg(feature = "docker")]
pub fn shorten_and_follow(container: &Container) -> Answer {
    let link = r#"{"target":"https://www.rust-lang.org"}"#;
    let made = container.send("POST", "/links", link);
    let made = made.expect("the service answers");
    assert_eq!(made.status, 201, "{made:?}");
    let code = made.header("location").expect("it says where");
    let followed = container.get(code).expect("the service answers");
    assert_eq!(followed.status, 307, "{followed:?}");
    followed
}
