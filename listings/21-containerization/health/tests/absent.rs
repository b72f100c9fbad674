//! Without any database: the program is alive, and has not started.

mod common;

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use common::Program;

/// Where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_program_without_its_database_is_alive_and_not_ready() {
    let program = Program::start("watching", nobody());
    assert_eq!(program.ask("/livez"), Some(200));
    assert_eq!(program.ask("/readyz"), Some(503));
    assert_eq!(program.ask("/startupz"), Some(503));
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn what_it_needs_is_asked_for_by_name() {
    let health = || Command::new(env!("CARGO_BIN_EXE_health"));
    let without = health().env_remove("DATABASE_URL").output().unwrap();
    assert_eq!(without.status.code(), Some(1));
    let said = String::from_utf8_lossy(&without.stderr);
    assert!(said.contains("DATABASE_URL names the database"), "{said}");

    let url = format!("postgres://{}/none", nobody());
    let which = health().env("DATABASE_URL", url).output().unwrap();
    assert_eq!(which.status.code(), Some(1));
    let said = String::from_utf8_lossy(&which.stderr);
    assert!(said.contains("say which probes"), "{said}");
}
