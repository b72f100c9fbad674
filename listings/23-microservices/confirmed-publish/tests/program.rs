//! The program as a reader, an engine or a kubelet starts and stops it.

mod common;

use std::process::{Child, Command, Output, Stdio};

use common::Bench;

fn program(broker: &str) -> Command {
    let mut command =
        Command::new(env!("CARGO_BIN_EXE_confirmed-publish"));
    command
        .env_remove("CLICKS_LEDGER")
        .env_remove("CLICKS_DEADLINE_SECONDS")
        .env("CLICKS_BROKER", broker);
    command
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn clicks_are_published_and_counted() {
    let bench = Bench::start();
    let broker = bench.url();
    let run = |arguments: &[&str]| {
        let out = program(&broker).args(arguments).output().unwrap();
        (out.status.code(), said(&out))
    };
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let ledger = ledger.to_str().unwrap();

    let (code, text) = run(&["publish", "--count", "7", "--hopeful"]);
    assert!(
        code == Some(0) && text.contains("published clicks=7"),
        "{text}"
    );
    let (code, text) = run(&["publish", "--count", "7"]);
    assert!(
        code == Some(1) && text.contains("no queue takes"),
        "{text}"
    );
    let (code, text) = run(&["declare"]);
    assert!(
        code == Some(0)
            && text.contains(
                "the queue is there queue=\"clicks\" messages=0"
            ),
        "{text}"
    );
    for _ in 0..2 {
        let (code, text) = run(&["publish", "--count", "7"]);
        assert!(
            code == Some(0)
                && text.contains("published clicks=7 confirmed=7"),
            "{text}"
        );
    }
    let (code, text) = run(&["count", "--backlog", "--ledger", ledger]);
    assert!(
        code == Some(0)
            && text.contains("counted counted=7 dropped=7 total=7"),
        "{text}"
    );

    for name in ["TERM", "INT"] {
        let counting = program(&broker)
            .args(["count", "--ledger", ledger])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        bench.until("it listens", |_, consumers| consumers == 1);
        signal(&counting, name);
        let out = counting.wait_with_output().unwrap();
        let text = said(&out);
        assert_eq!(out.status.code(), Some(0), "{text}");
        assert!(
            text.contains(&format!(
                "stop requested signal=\"SIG{name}\""
            )),
            "{text}"
        );
        assert!(
            text.contains("counted counted=0 dropped=0 total=7"),
            "{text}"
        );
    }
}
