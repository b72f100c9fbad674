//! A secret that a build needs: where it leaks, and how it does not.

use book_support::docker::{Build, Image, output};

/// Stands for a secret. It is one to nobody.
const TOKEN: &str = "not-a-real-token";

fn build(dockerfile: &str, args: &[&str]) -> Image {
    let folder = "listings/21-containerization/images";
    let build = Build::of(
        &format!("{folder}/{dockerfile}"),
        &format!("{folder}/src"),
    );
    args.iter().fold(build, |build, arg| build.arg(arg)).run()
}

/// All that the image says of how it was made.
fn history(image: &Image) -> String {
    let format = "{{.CreatedBy}}";
    output(&["history", "--no-trunc", "--format", format, image.tag()])
}

fn secret(token: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, token).unwrap();
    let arg = format!("--secret=id=token,src={}", file.display());
    (folder, arg)
}

#[test]
fn an_argument_stays_in_the_history() {
    let arg = format!("--build-arg=TOKEN={TOKEN}");
    let image = build("leak.Dockerfile", &[&arg]);
    assert!(history(&image).contains(TOKEN));
    // Removing the file was no help: it is not there, and the word is.
    let paths = image.paths();
    assert!(!paths.iter().any(|path| path == "credentials.toml"));
}

/// One test, one build after the other: the engine runs equal steps of
/// two builds once, and a secret makes no step another one.
#[test]
fn a_secret_is_there_for_one_step_and_in_no_layer() {
    let (_folder, arg) = secret(TOKEN);
    let image = build("secret.Dockerfile", &["--no-cache", &arg]);
    let used = image.file("/used");
    let length = String::from_utf8_lossy(&used).trim().to_owned();
    assert_eq!(
        length,
        TOKEN.len().to_string(),
        "the step could read it"
    );
    assert!(!history(&image).contains(TOKEN));
    let paths = image.paths();
    assert!(!paths.iter().any(|path| path == "credentials.toml"));

    let (_folder, arg) = secret("another");
    let again = build("secret.Dockerfile", &[&arg]);
    let cached = again.cached_steps();
    assert!(
        cached.iter().any(|step| step.contains("--mount")),
        "{cached:?}"
    );
    assert_eq!(again.file("/used"), used, "the first secret's length");
}
