//! The first image: it works, and what is wrong with it.

use book_support::docker::human_size;
use book_support::{Matcher, captured, captured_matching, fact};
use images::{build, captured as file, said, shorten_and_follow};

/// That of the Dockerfile's WORKDIR, COPY, RUN and CMD.
const INSTRUCTIONS: usize = 4;

#[test]
fn it_works_and_is_far_too_large() {
    let image = build("first.Dockerfile").run();
    let container = image.container().http(8080, "/readyz").start();
    shorten_and_follow(&container);

    // A floor that also holds for the registry's larger base image.
    let floor = 1_000_000_000;
    assert!(image.size() > floor, "{}", human_size(image.size()));
    fact(&file("first-floor"), human_size(floor));
    captured_matching(
        &file("first-layers"),
        &image.history(INSTRUCTIONS),
        &[Matcher::Size],
    );

    // Root, with a compiler and a shell at hand.
    assert_eq!(image.user(), "");
    let inside = container.exec(&[
        "sh",
        "-c",
        "id -un; which cargo gcc git sh | wc -l",
    ]);
    assert_eq!(said(&inside), "root\n4");
}

#[test]
fn one_changed_line_builds_everything_again() {
    let before = build("first.Dockerfile").run();
    let same = build("first.Dockerfile").run();
    assert!(
        same.cached_steps().iter().any(|s| s.contains("cargo build")),
        "an unchanged context is built from the cache:\n{}",
        same.log()
    );

    let after = build("first.Dockerfile").run_with(|context| {
        let main = context.join("src/main.rs");
        let text = std::fs::read_to_string(&main).unwrap();
        // A line that no earlier run has left in the engine's cache.
        let now = std::time::SystemTime::now();
        let line = format!("// {now:?}\n");
        std::fs::write(&main, text + &line).unwrap();
    });
    captured(&file("first-again"), &steps(after.log()));
    let (before, after) = (before.layers(), after.layers());
    let kept =
        before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    // WORKDIR's layer is the last that is kept; COPY's and RUN's are new.
    assert_eq!(before.len() - kept, 2);
    assert_eq!(after.len() - kept, 2);
    let from_run = build("first.Dockerfile").run().layers();
    assert_eq!(from_run, before, "the same context, the same layers");
}

/// The steps of a build log, in order, each with whether it came from
/// the cache.
///
/// The engine tells equal steps of two builds as one, and calls it
/// `[build 2/4]` when a Dockerfile with stages was first.
fn steps(log: &str) -> String {
    let log = log.replace("[build ", "[");
    let mut steps: Vec<(&str, &str)> = log
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, step)| {
            let ours = step.starts_with('[')
                && !step.starts_with("[internal]");
            // A base image is there or not; it is no step of ours.
            ours && !step.contains("] FROM ")
        })
        .collect();
    steps.sort_by_key(|(_, step)| *step);
    steps.dedup();
    let lines = steps.iter().map(|(number, step)| {
        let cached = format!("{number} CACHED");
        let word = if log.lines().any(|line| line == cached) {
            "cached"
        } else {
            "run"
        };
        format!("{word:6}  {step}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
