//! The program without a broker.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clicks"));
    command
        .env_remove("CLICKS_BROKER")
        .env_remove("CLICKS_LEDGER")
        .env_remove("CLICKS_DEADLINE_SECONDS")
        .args(arguments);
    command
}

/// An address where nobody is, for as long as the test keeps the listener that never accepts... it refuses: the port
/// was given back.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    format!("amqp://{address}/%2f")
}

#[test]
fn a_broker_that_never_comes_is_given_up_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    for command in [
        &["publish"][..],
        &["count", "--ledger", ledger.to_str().unwrap()],
    ] {
        let out = program(&["--broker", &nobody(), "--deadline", "1"])
            .args(command)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[test]
fn a_publisher_that_waits_can_be_stopped_and_says_that_it_was_not_done()
{
    for name in ["TERM", "INT"] {
        let mut child = program(&[
            "--broker",
            &nobody(),
            "publish",
            "--count",
            "5",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let mut lines =
            BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("not confirmed"), "{first}");
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        assert!(
            rest.last().unwrap().contains("clicks=5 confirmed=0"),
            "{rest:?}"
        );
        let why = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            why.contains("stopped before all clicks were confirmed"),
            "{why}"
        );
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let broker = format!("amqp://{}/%2f", silent.local_addr().unwrap());
    let start = std::time::Instant::now();
    let out =
        program(&["--broker", &broker, "--deadline", "1", "publish"])
            .output()
            .unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&out.stderr)
            .contains("the broker does not answer")
    );
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn values_that_cannot_be_used_are_refused_by_name() {
    for arguments in [
        &["--deadline", "0", "declare"][..],
        &["publish", "--count", "many"],
    ] {
        let out = program(arguments).output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(text.contains("invalid value"), "{text}");
    }
}
