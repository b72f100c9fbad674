//! The program as an engine starts, asks and stops it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

fn links_api(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_links-api"));
    command.env_remove("LINKS_LISTEN").envs(variables.iter().copied());
    command
}

/// Starts the program; returns it with the address that its log names.
fn start(
    variables: &[(&str, &str)],
) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child =
        links_api(variables).stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["message"], "ready");
    let address = event["address"].as_str().unwrap().to_owned();
    (child, log, address)
}

fn healthcheck(address: &str) -> Output {
    links_api(&[("LINKS_LISTEN", address)])
        .arg("--healthcheck")
        .output()
        .unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn both_signals_end_it_well_and_its_own_probe_sees_it() {
    for name in ["TERM", "INT"] {
        let (mut child, mut log, address) =
            start(&[("LINKS_LISTEN", "127.0.0.1:0")]);
        let probe = healthcheck(&address);
        assert!(probe.status.success(), "{probe:?}");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        assert!(
            rest.contains(&format!(r#""signal":"SIG{name}""#)),
            "{rest}"
        );
        assert!(
            rest.trim_end().lines().last().unwrap().contains("stopped"),
            "{rest}"
        );
        let probe = healthcheck(&address);
        assert_eq!(probe.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&probe.stderr)
                .contains("not healthy")
        );
    }
}

#[test]
fn a_bad_value_is_refused_by_name_before_a_port_is_bound() {
    for (name, value, says) in [
        (
            "LINKS_LISTEN",
            "8080",
            "LINKS_LISTEN=8080 is not an address and port, like 0.0.0.0:8080",
        ),
        (
            "LINKS_LOG",
            "loud",
            "LINKS_LOG=loud is not off, error, warn, info, debug or trace",
        ),
        (
            "LINKS_DRAIN_SECONDS",
            "601",
            "LINKS_DRAIN_SECONDS=601 is not a whole number of seconds from 1 to 600",
        ),
        (
            "LINKS_REQUEST_SECONDS",
            "soon",
            "LINKS_REQUEST_SECONDS=soon is not a whole number of seconds from 1 to 600",
        ),
    ] {
        let output = links_api(&[(name, value)]).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!("links-api: {says}\n")
        );
    }
}

#[test]
fn a_misspelt_flag_is_refused_and_does_not_start_a_server() {
    let output = links_api(&[]).arg("--healthchek").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "links-api: the one flag is --healthcheck\n"
    );
}

#[test]
fn a_port_in_use_ends_it_with_the_reason_in_the_log() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output =
        links_api(&[("LINKS_LISTEN", &address)]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("Address already in use"),
        "{output:?}"
    );
}

#[test]
fn the_probe_does_not_wait_for_ever_and_reads_what_it_gets() {
    // Accepts into its backlog and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let probe = healthcheck(&silent.local_addr().unwrap().to_string());
    assert_eq!(probe.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&probe.stderr),
        "links-api: not healthy: no answer in time\n"
    );

    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = busy.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines();
        while lines.next().is_some_and(|l| !l.unwrap().is_empty()) {}
        drop(lines);
        std::io::Write::write_all(
            &mut stream,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
        )
        .unwrap();
    });
    let probe = healthcheck(&address);
    assert_eq!(probe.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&probe.stderr),
        "links-api: not healthy: HTTP/1.1 503 Service Unavailable\n"
    );
    answering.join().unwrap();
}
