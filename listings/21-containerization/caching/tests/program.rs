//! The program that readers pipe a report into.

use std::io::Write;
use std::process::{Command, Stdio};

fn build_steps(input: &str) -> (bool, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_build-steps"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it reads");
    stdin.write_all(input.as_bytes()).expect("it takes the report");
    drop(stdin);
    let out = child.wait_with_output().expect("it ends");
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (out.status.success(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn it_says_which_steps_ran() {
    let report = r#"{"vertexes":[
        {"digest":"a","name":"[1/3] FROM docker.io/library/debian:trixie-slim"},
        {"digest":"b","name":"[2/3] WORKDIR /app","started":"2026-11-30T08:00:01Z","completed":"2026-11-30T08:00:01Z","cached":true},
        {"digest":"c","inputs":["b"],"name":"[3/3] COPY . .","started":"2026-11-30T08:00:01Z","completed":"2026-11-30T08:00:02Z"}]}"#;
    let (good, said, _) = build_steps(report);
    assert!(good);
    assert_eq!(said, "cached  WORKDIR /app\nrun     COPY . .\n");
}

#[test]
fn without_a_report_it_says_how_to_get_one() {
    let (good, _, said) = build_steps("#1 DONE 0.0s\n");
    assert!(!good);
    assert!(said.contains("--progress=rawjson"), "{said}");
}
