//! A report that was kept, and what is read from it.

use std::time::Duration;

use caching::Steps;
use caching::steps::Unreadable;

/// Two stages that stand on one base, and a third on both. Base64 is
/// what BuildKit makes of what cargo prints; one line comes in two pieces.
const REPORT: &str = r#"
{"vertexes":[{"digest":"a","name":"[internal] load build definition"}]}
{"vertexes":[{"digest":"f","name":"[context words] load .dockerignore"}]}
{"vertexes":[
  {"digest":"e","inputs":["c","d"],"name":"[stage-2 2/2] COPY --from=build /links-api /"},
  {"digest":"d","inputs":["b"],"name":"[words 2/2] RUN  sort\n words"},
  {"digest":"c","inputs":["b"],"name":"[build 2/2] RUN cargo build"},
  {"digest":"b","name":"[build 1/2] FROM docker.io/library/rust:1.96-trixie"}]}
{"vertexes":[{"digest":"b","name":"[build 1/2] FROM docker.io/library/rust:1.96-trixie","cached":true}]}
{"statuses":[{"id":"extracting","vertex":"b","current":3}]}
{"vertexes":[{"digest":"c","inputs":["b"],"name":"[build 2/2] RUN cargo build","started":"2026-11-30T08:00:01Z"}]}
{"logs":[{"vertex":"c","stream":2,"data":"ICAgQ29tcGlsaW5nIGl0b2EgdjEuMC4xOQogICBDb21w"}]}
{"logs":[{"vertex":"c","stream":2,"data":"aWxpbmcgbGlua3MtYXBpIHYwLjEuMCAoL2FwcCkKICAgIEZpbmlzaGVkCg=="}]}
{"vertexes":[{"digest":"c","inputs":["b"],"name":"[build 2/2] RUN cargo build","started":"2026-11-30T08:00:01Z","completed":"2026-11-30T08:00:04Z"}]}
{"vertexes":[{"digest":"d","inputs":["b"],"name":"[words 2/2] RUN  sort\n words","started":"2026-11-30T08:00:02Z","completed":"2026-11-30T08:00:03.5Z"}]}
Dockerfile:3
ERROR: failed to solve
"#;

#[test]
fn each_step_comes_after_those_that_it_stands_on() {
    let steps = Steps::read(REPORT.as_bytes()).unwrap();
    assert_eq!(
        steps.lines(),
        "run     RUN cargo build  (2 crates)\n\
         run     RUN sort words\n\
         not run COPY --from=build /links-api /\n"
    );
    assert_eq!(steps.crates(), 2);
    assert_eq!(steps.took(), Duration::from_secs(3));
}

#[test]
fn a_line_that_came_in_pieces_is_one_line() {
    let steps = Steps::read(REPORT.as_bytes()).unwrap();
    let cargo = steps.ours().next().unwrap();
    let crates: Vec<String> = cargo.compiled().into_iter().collect();
    assert_eq!(crates, ["itoa v1.0.19", "links-api v0.1.0"]);
}

#[test]
fn two_steps_that_overlap_ran_at_once() {
    let steps = Steps::read(REPORT.as_bytes()).unwrap();
    let [cargo, sort, copy] = &steps.ours().collect::<Vec<_>>()[..]
    else {
        panic!("three steps: {steps:?}");
    };
    assert!(cargo.overlaps(sort) && sort.overlaps(cargo));
    assert!(!copy.overlaps(sort));
}

#[test]
fn a_step_that_is_told_twice_is_one() {
    let report = r#"{"vertexes":[
        {"digest":"a","name":"[2/3] WORKDIR /app","cached":true,"completed":"2026-11-30T08:00:01Z"},
        {"digest":"x","name":"[3/3] COPY . .","cached":true,"completed":"2026-11-30T08:00:01Z"},
        {"digest":"b","inputs":["a"],"name":"[3/3] COPY . .","started":"2026-11-30T08:00:01Z","completed":"2026-11-30T08:00:02Z"}]}"#;
    let steps = Steps::read(report.as_bytes()).unwrap();
    let expected = "cached  WORKDIR /app\nrun     COPY . .\n";
    assert_eq!(steps.lines(), expected);
}

#[test]
fn a_step_that_failed_says_so() {
    let report = r#"{"vertexes":[{"digest":"a","name":"[2/2] RUN false",
        "started":"2026-11-30T08:00:01Z","completed":"2026-11-30T08:00:02Z",
        "error":"process \"/bin/sh -c false\" did not complete successfully"}]}"#;
    let steps = Steps::read(report.as_bytes()).unwrap();
    assert_eq!(steps.lines(), "failed  RUN false\n");
}

#[test]
fn what_is_no_report_is_refused() {
    for text in ["#1 [internal] load build definition\n", "{}", ""] {
        let refused = Steps::read(text.as_bytes());
        assert!(matches!(refused, Err(Unreadable::NoReport)), "{text}");
    }
}
