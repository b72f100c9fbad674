//! The program as an engine starts, asks and stops it. Its database is
//! not there: tests with one are in the package `system`.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Nobody listens on port 1.
const URL: (&str, &str) =
    ("RESOLVER_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/links");

fn resolver(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resolver"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RESOLVER_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    command
}

/// Starts the program; returns it with the address that its log names.
fn start() -> (Child, BufReader<ChildStdout>, String) {
    let any = ("RESOLVER_LISTEN", "127.0.0.1:0");
    let mut child =
        resolver(&[URL, any]).stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["message"], "listening");
    let address = event["address"].as_str().unwrap().to_owned();
    (child, log, address)
}

fn healthcheck(address: &str) -> Output {
    resolver(&[URL, ("RESOLVER_LISTEN", address)])
        .arg("--healthcheck")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_a_database_it_runs_says_so_and_can_be_stopped() {
    for name in ["TERM", "INT"] {
        let (mut child, mut log, address) = start();
        // Once, and not each second: a change is news.
        let mut why = String::new();
        log.read_line(&mut why).unwrap();
        assert!(why.contains(r#""message":"not ready""#), "{why}");
        assert!(why.contains("cannot be reached"), "{why}");
        let probe = healthcheck(&address);
        assert_eq!(probe.status.code(), Some(1));
        assert_eq!(
            said(&probe),
            "resolver: not healthy: NOT_SERVING\n"
        );
        // Connects, and says nothing.
        let _silent = std::net::TcpStream::connect(&address).unwrap();
        let begin = Instant::now();
        let id = child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let took = begin.elapsed();
        // The drain's deadline is ten seconds.
        assert!(took < Duration::from_secs(8), "{took:?}");
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        let signal = format!(r#""signal":"SIG{name}""#);
        assert!(rest.contains(&signal), "{rest}");
        assert!(rest.trim_end().ends_with('}'), "{rest}");
        let last = rest.trim_end().lines().last().unwrap();
        assert!(last.contains(r#""message":"stopped""#), "{rest}");
        assert!(!rest.contains("not ready"), "{rest}");
        assert!(!(why + &rest).contains("hunter2"), "{rest}");
        let probe = healthcheck(&address);
        assert_eq!(probe.status.code(), Some(1));
        assert_eq!(
            said(&probe),
            "resolver: not healthy: nobody listens there\n"
        );
    }
}

#[test]
fn the_probe_does_not_wait_for_ever() {
    // Accepts into its backlog and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let probe = healthcheck(&silent.local_addr().unwrap().to_string());
    assert_eq!(probe.status.code(), Some(1));
    assert_eq!(
        said(&probe),
        "resolver: not healthy: no answer in time\n"
    );
}

#[test]
fn a_bad_value_is_refused_by_name_before_a_port_is_bound() {
    for (variables, says) in [
        (
            vec![],
            "RESOLVER_DATABASE_URL is not set; set it, or \
             RESOLVER_DATABASE_URL_FILE to a file that holds it",
        ),
        (
            vec![URL, ("RESOLVER_DRAIN_SECONDS", "soon")],
            "RESOLVER_DRAIN_SECONDS=soon is not a whole number of \
             seconds from 1 to 600",
        ),
        (
            vec![URL, ("RESOLVER_OTLP", "jaeger:4317")],
            "spans cannot be sent to \"jaeger:4317\"; an address is \
             like http://jaeger:4318",
        ),
    ] {
        let output = resolver(&variables).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        assert_eq!(said(&output), format!("resolver: {says}\n"));
    }
}

#[test]
fn a_misspelt_flag_is_refused_and_does_not_start_a_server() {
    let output = resolver(&[URL]).arg("--healthchek").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        said(&output),
        "resolver: the one flag is --healthcheck\n"
    );
}

#[test]
fn a_port_in_use_ends_it_with_the_reason_in_the_log() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = resolver(&[URL, ("RESOLVER_LISTEN", &address)])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(log.contains("Address already in use"), "{log}");
}
