//! The model's steps are the Dockerfiles' own, and its number of crates is cargo's.

use std::process::Command;

use layer_cache::cache::{File, runs_again};
use layer_cache::lab::ORDERS;
use layer_cache::order::{MANIFESTS_FIRST, PLANNER, SOURCES_FIRST};
use layer_cache::work::{DEPENDENCIES, Work};

/// The instructions of a Dockerfile that make a file system.
fn instructions(dockerfile: &str) -> Vec<String> {
    let one_line_each = dockerfile.replace("\\\n", " ");
    let lines = one_line_each.lines().map(|line| {
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.filter(|l| !l.is_empty() && !l.starts_with("CMD ")).collect()
}

#[test]
fn the_steps_are_those_of_the_dockerfiles() {
    for (order, steps) in ORDERS {
        let path = format!(
            "listings/21-containerization/layer-cache/{order}.Dockerfile"
        );
        let steps: Vec<&str> = steps.iter().map(|s| s.text).collect();
        assert_eq!(instructions(&book_support::listing(&path)), steps);
    }
}

#[test]
fn a_step_that_changed_takes_all_below_it_along() {
    let again = runs_again(SOURCES_FIRST, Some(File::Readme));
    assert_eq!(again, [false, false, true, true]);
    let again = runs_again(MANIFESTS_FIRST, Some(File::Source));
    assert_eq!(again, [false, false, false, false, false, true, true]);
}

#[test]
fn a_stage_that_hands_on_the_same_changes_nothing_below() {
    let again = runs_again(PLANNER, Some(File::Source));
    let ran: Vec<&str> = PLANNER
        .iter()
        .zip(again)
        .filter_map(|(step, again)| again.then_some(step.text))
        .collect();
    assert_eq!(ran[0], "COPY . .");
    assert!(ran[1].starts_with("RUN mkdir /plan"));
    assert_eq!(ran[2], "COPY . .");
    assert_eq!(ran.len(), 4, "{ran:?}");
}

#[test]
fn what_runs_again_compiles() {
    let source = Some(File::Source);
    let manifest = Some(File::Manifest);
    for (work, edited, crates) in [
        (Work::Nothing, source, 0),
        (Work::Everything, source, DEPENDENCIES + 1),
        (Work::Everything, manifest, DEPENDENCIES + 2),
        (Work::Program, manifest, 1),
        (Work::Changes, source, 1),
        (Work::Changes, manifest, 2),
        (Work::Changes, Some(File::Readme), 0),
    ] {
        assert_eq!(work.crates(edited), crates, "{work:?} {edited:?}");
    }
}

#[test]
fn cargo_counts_as_many_dependencies() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let manifest = book_support::root()
        .join("listings/21-containerization/links-api/Cargo.toml");
    let out = Command::new(cargo)
        .args(["tree", "--offline", "--edges=normal,build"])
        .args(["--prefix=none", "--no-dedupe", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo starts");
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8_lossy(&out.stdout);
    let mut crates: Vec<&str> = text.lines().collect();
    crates.sort_unstable();
    crates.dedup();
    assert_eq!(crates.len(), DEPENDENCIES as usize + 1);
    book_support::fact(
        "listings/21-containerization/layer-cache/captured/dependencies.txt",
        format!("{DEPENDENCIES} crates"),
    );
}
