//! On a real engine: what is noted of a build, and that nothing outlives its test.

mod common;

use book_support::docker::{Build, Image, output};
use common::{is_part, notes, run};

const FIXTURE: &str = "ci/support/tests/fixture";

fn image() -> Image {
    Build::of("ci/support/tests/fixture.Dockerfile", FIXTURE).run()
}

#[test]
fn builds() {
    if is_part() {
        assert_eq!(image().file("/fixture/kept.txt"), b"sent\n");
    }
}

#[test]
fn panics() {
    if is_part() {
        let image = image();
        let container = image.container().locked_down().memory(64 << 20).start();
        assert_eq!(container.inspect("{{.State.Running}}"), "true");
        panic!("with a container running");
    }
}

/// Containers and images of one run.
fn left(run: &str) -> String {
    let filter = format!("label=book.test={run}");
    let containers = output(&["ps", "--all", "--quiet", "--filter", &filter]);
    containers + &output(&["images", "--quiet", "--filter", &filter])
}

#[test]
fn a_build_notes_what_the_engine_was_sent_and_from_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("engine-builds-{}", std::process::id());
    let out = run(
        "builds",
        &[("BOOK_NOTES", folder.path().to_str().unwrap()), ("BOOK_RUN", &id)],
    );
    assert!(out.status.success(), "{out:?}");
    let notes = notes(folder.path());
    let mut used: Vec<String> = notes
        .iter()
        .filter_map(|n| Some(format!("{} {}", n["verb"].as_str()?, n["path"].as_str()?)))
        .collect();
    used.sort();
    assert_eq!(
        used,
        [
            "applied ci/support/tests/fixture.Dockerfile.dockerignore",
            "built ci/support/tests/fixture.Dockerfile",
            "sent ci/support/tests/fixture/kept.txt",
        ]
    );
    let versions: Vec<&str> = notes.iter().filter_map(|n| n["version"]["name"].as_str()).collect();
    assert_eq!(versions, ["Docker Engine", "debian:trixie-slim"]);
    assert_eq!(left(&id), "");
}

#[test]
fn a_test_that_panics_leaves_nothing() {
    let id = format!("engine-panics-{}", std::process::id());
    let out = run("panics", &[("BOOK_RUN", &id)]);
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("with a container running"),
        "{out:?}"
    );
    assert_eq!(left(&id), "");
}

#[test]
fn a_build_that_must_fail_gives_its_log() {
    let log = Build::of("ci/support/tests/refused.Dockerfile", FIXTURE).fails();
    assert!(log.contains("\"/none.txt\": not found"), "{log}");
}

#[test]
fn an_image_is_looked_into() {
    let image = image();
    assert_eq!(image.user(), "");
    assert_eq!(image.layers().len(), 2);
    assert!(
        image.history(2).starts_with("COPY . /fixture/ "),
        "{}",
        image.history(2)
    );
    let out = image.run_to_end(&["--read-only"], &["cat", "/fixture/kept.txt"]);
    assert_eq!(out.stdout, b"sent\n");
    let again = self::image();
    assert!(
        again.cached_steps().iter().any(|s| s.contains("COPY")),
        "{}",
        again.log()
    );
    assert_eq!(again.layers(), image.layers());
}
