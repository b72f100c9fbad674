//! GitHub reads what stands in `.github/workflows`; actionlint reads it as GitHub does, and each script in it as a
//! shell does.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use book_support::{docker, evidence, root};

const ACTIONLINT: &str = "rhysd/actionlint:1.7.12";

/// What actionlint says of a file. It sees nothing of the machine but the text.
fn lint(file: &Path) -> Output {
    let run = std::env::var("BOOK_RUN").unwrap_or_else(|_| "by-hand".into());
    Command::new("docker")
        .args(["run", "--rm", "--interactive", "--network=none"])
        .arg(format!("--label=book.test={run}"))
        .args([ACTIONLINT, "-no-color", "-"])
        .stdin(File::open(file).expect("a workflow"))
        .output()
        .expect("docker")
}

#[test]
fn each_workflow_is_one() {
    let folder = ".github/workflows";
    let mut names: Vec<String> = std::fs::read_dir(root().join(folder))
        .expect("a folder")
        .map(|entry| format!("{folder}/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        let out = lint(&root().join(&name));
        let said = [out.stdout, out.stderr].concat();
        assert!(out.status.success(), "{name}:\n{}", String::from_utf8_lossy(&said));
        evidence::note("linted", &name, "by actionlint");
    }
    evidence::version(ACTIONLINT, &docker::truth(ACTIONLINT));
}

#[test]
fn what_is_wrong_in_a_workflow_is_found() {
    let text = std::fs::read_to_string(root().join(".github/workflows/book.yml")).expect("the workflow");
    let breaks = [
        (
            "matrix.shard }}/",
            "matrix.chard }}/",
            "property \"chard\" is not defined",
        ),
        (
            "runs-on: ubuntu-24.04",
            "runs-on: ubuntu-4.20",
            "label \"ubuntu-4.20\" is unknown",
        ),
        ("needs: test", "needs: tests", "\"tests\" which does not exist"),
        ("rustup default 1.95", "rustup default $RELEASE", "SC2086"),
        ("steps:", "stages:", "unexpected key \"stages\""),
    ];
    for (right, wrong, message) in breaks {
        assert!(text.contains(right), "the workflow has no `{right}` to break");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.replace(right, wrong).as_bytes()).expect("its text");
        let out = lint(file.path());
        let said = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), Some(1), "{wrong}: {said}");
        assert!(said.contains(message), "{wrong}: {said}");
    }
}
