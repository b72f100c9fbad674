//! What is on the engine.

use std::process::{Command, Output};

/// What a docker command prints.
pub fn docker(args: &[&str]) -> String {
    let out = ask(args);
    assert!(out.status.success(), "{out:?}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A docker command that may fail.
pub fn ask(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker")
}

/// What the tests of a run left, by the id of its process.
pub fn left(id: u32) -> Vec<String> {
    let label = "{{.Label \"book.test\"}} {{.Names}}";
    let things = [
        docker(&["ps", "--all", "--format", label]),
        docker(&["network", "ls", "--format", &label.replace("Names", "Name")]),
        docker(&["volume", "ls", "--format", &label.replace("Names", "Name")]),
    ];
    let images = docker(&[
        "image",
        "ls",
        "--filter=label=book.test",
        "--format={{.Tag}} {{.Repository}}",
    ]);
    let run = format!("{id}-");
    things
        .iter()
        .flat_map(|text| text.lines())
        .chain(images.lines())
        .filter(|line| line.starts_with(&run))
        .map(str::to_owned)
        .collect()
}

/// Nothing is.
pub fn nothing_left(id: u32) -> Result<(), String> {
    match left(id) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("left on the engine: {left:?}")),
    }
}
