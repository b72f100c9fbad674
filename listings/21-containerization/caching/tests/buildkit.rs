//! What BuildKit does beyond the cache, each on a real engine.

mod common;

use book_support::docker::Build;
use book_support::{captured, listing};
use caching::Steps;
use common::{HERE, SMALL, build, steps};

fn kit(name: &str) -> Build {
    let context = format!("{HERE}/kit/words");
    build(&format!("{HERE}/kit/{name}.Dockerfile"), &context)
}

#[test]
fn stages_run_at_once_and_only_when_they_are_needed() {
    let image = kit("parallel").arg("--no-cache").run();
    let steps = steps(&image);
    let slow: Vec<_> =
        steps.ours().filter(|s| s.text().contains("sleep")).collect();
    let [hosts, words] = slow[..] else {
        panic!("two of the three stages: {slow:?}");
    };
    assert!(hosts.overlaps(words), "{slow:?}");
    let listed = image.run_to_end(&[], &["ls", "/etc/links"]);
    assert_eq!(listed.stdout, b"hosts\nwords\n");
}

#[test]
fn a_script_goes_on_after_a_command_that_failed() {
    let image = kit("unchecked").run();
    // The setting that it looks for is not there.
    let config = image.file("/etc/links.toml");
    assert_eq!(config, b"listen = \"0.0.0.0:8080\"\n");
    assert_eq!(image.user(), "links");
}

#[test]
fn a_script_that_is_told_so_ends_at_the_first_failure() {
    let log = kit("checked").fails();
    let steps = Steps::read(log.as_bytes()).unwrap();
    let last = steps.ours().last().unwrap();
    assert_eq!(last.fate(), "failed");
    let error = log.lines().find(|l| l.starts_with("ERROR: "));
    captured(
        &format!("{HERE}/captured/checked-error.txt"),
        error.expect("buildx says why"),
    );
    let mended = kit("mended").run();
    let id = mended.run_to_end(&[], &["id", "--user"]);
    assert_eq!(id.stdout, b"65532\n");
    let config = mended.file("/etc/links.toml");
    let config = String::from_utf8_lossy(&config).into_owned();
    assert!(config.ends_with("drain_seconds = 10\n"), "{config}");
}

#[test]
fn what_is_mounted_is_read_only_and_in_no_layer() {
    let file = |name: &str| format!("{HERE}/kit/{name}.Dockerfile");
    let log = Build::of(&file("bind"), SMALL).fails();
    let error = log.lines().find_map(|line| {
        let (_, error) = line.split_once(" error: ")?;
        error.contains("Read-only").then_some(error)
    });
    let error = error.unwrap_or_else(|| panic!("{log}"));
    // cargo makes up the last letters of the folder.
    let end = error.find("/app/target").expect("it names the folder");
    let shown = &error[..end + "/app/target".len()];
    captured(
        &format!("{HERE}/captured/bind-error.txt"),
        &format!("error: {shown}…\""),
    );

    let image = build(&file("bound"), SMALL).run();
    let paths = image.paths();
    for folder in ["app/", "target"] {
        let left = paths.iter().find(|path| path.starts_with(folder));
        assert_eq!(left, None);
    }
    assert!(!image.file("/usr/local/bin/links-api").is_empty());
}

#[test]
fn a_context_may_have_a_name_and_a_build_may_end_early() {
    let words = book_support::root().join(HERE).join("kit/words");
    let words = format!("--build-context=words={}", words.display());
    let of = |target: &str| {
        let file = format!("{HERE}/kit/named.Dockerfile");
        build(&file, SMALL)
            .arg(&words)
            .arg(&format!("--target={target}"))
            .run()
    };
    let reserved = listing(&format!("{HERE}/kit/words/reserved.txt"));
    let service = of("service");
    let held = service.file("/etc/links/reserved.txt");
    assert_eq!(String::from_utf8_lossy(&held), reserved);
    let ran = |target| steps(&of(target)).lines();
    assert!(!ran("service").contains("RUN grep"));
    assert!(ran("checked").contains("RUN grep"));
}
