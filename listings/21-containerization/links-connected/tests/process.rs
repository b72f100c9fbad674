//! The program as an engine calls it wrongly. What it does when all is
//! well needs real engines: those tests are in the package `system`.

use std::process::{Command, Output};

fn run(variables: &[(&str, &str)], flags: &[&str]) -> Output {
    let mut command =
        Command::new(env!("CARGO_BIN_EXE_links-connected"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LINKS_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied()).args(flags);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All that has no default.
const ENOUGH: &[(&str, &str)] = &[
    ("LINKS_RESOLVER_URL", "http://127.0.0.1:1"),
    ("LINKS_BROKER_URL", "amqp://guest:guest@127.0.0.1:1/%2f"),
];

#[test]
fn what_is_not_set_is_said_by_name() {
    let output = run(&[], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("LINKS_"), "{output:?}");
}

#[test]
fn a_bad_value_is_refused_before_a_port_is_bound() {
    let mut variables = ENOUGH.to_vec();
    variables.push(("LINKS_LISTEN", "8080"));
    let output = run(&variables, &[]);
    assert_eq!(output.status.code(), Some(78));
    let why = "LINKS_LISTEN=8080 is not an address and port";
    assert!(said(&output).contains(why), "{output:?}");
}

#[test]
fn a_misspelt_flag_starts_nothing() {
    let output = run(ENOUGH, &["--helthcheck"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(said(&output).contains("--healthcheck"), "{output:?}");
}

#[test]
fn who_asks_where_nobody_listens_is_told_so() {
    let mut variables = ENOUGH.to_vec();
    variables.push(("LINKS_LISTEN", "127.0.0.1:1"));
    let output = run(&variables, &["--healthcheck"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("not healthy"), "{output:?}");
}
