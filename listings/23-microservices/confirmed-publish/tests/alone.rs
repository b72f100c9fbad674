//! The program without a broker.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

/// Nobody listens there: the system gives no process this port by chance.
const NOBODY: &str = "amqp://127.0.0.1:1/%2f";

fn program(arguments: &[&str]) -> Command {
    let mut command =
        Command::new(env!("CARGO_BIN_EXE_confirmed-publish"));
    command
        .env_remove("CLICKS_BROKER")
        .env_remove("CLICKS_LEDGER")
        .env_remove("CLICKS_DEADLINE_SECONDS")
        .args(arguments);
    command
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn a_broker_that_never_comes_is_given_up_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let ledger = ledger.to_str().unwrap();
    for command in [&["publish"][..], &["count", "--ledger", ledger]] {
        let out = program(&["--broker", NOBODY, "--deadline", "1"])
            .args(command)
            .output()
            .unwrap();
        let text = said(&out);
        assert_eq!(out.status.code(), Some(1), "{text}");
        let mut lines = text.lines();
        let first = lines.next().unwrap();
        assert!(first.contains("Connection refused"), "{text}");
        let last = lines.last().unwrap();
        assert!(last.contains("ERROR"), "{text}");
    }
}

#[test]
fn a_publisher_that_waits_can_be_stopped_and_says_that_it_was_not_done()
{
    for name in ["TERM", "INT"] {
        let mut child = program(&["--broker", NOBODY])
            .args(["publish", "--count", "5"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut lines = log.lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("not confirmed"), "{first}");
        let pid = child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let [.., done, why] = &rest[..] else { panic!("{rest:?}") };
        assert!(done.contains("clicks=5 confirmed=0"), "{rest:?}");
        assert!(why.contains("stopped before all"), "{rest:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let broker = format!("amqp://{}/%2f", silent.local_addr().unwrap());
    let out = program(&["--broker", &broker, "--deadline", "1"])
        .arg("publish")
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    let text = said(&out);
    assert!(text.contains("the broker does not answer"), "{text}");
}

#[test]
fn values_that_cannot_be_used_are_refused_by_name() {
    for arguments in [
        &["--deadline", "0", "declare"][..],
        &["publish", "--count", "many"],
    ] {
        let out = program(arguments).output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        let text = said(&out);
        assert!(text.contains("invalid value"), "{text}");
    }
}
