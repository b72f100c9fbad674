//! A program ends in time, whatever its collector does.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use book_support::captured;
use common::{KNOWN, file, printed, run};

/// Longest from start to end.
const LIMIT: Duration = Duration::from_secs(2);

/// Runs the program that flushes; gives back what it logged.
fn ends_in_time(collector: SocketAddr) -> String {
    let start = Instant::now();
    let output =
        run(env!("CARGO_BIN_EXE_kept"), KNOWN, &collector.to_string());
    let took = start.elapsed();
    let (answer, log) = printed(&output);
    assert!(took < LIMIT, "{took:?}: {log}");
    assert!(output.status.success(), "{log}");
    assert_eq!(answer, "https://www.rust-lang.org\n");
    log
}

#[test]
fn a_collector_that_hangs_holds_it_up_for_a_second() {
    // Accepts into its backlog and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let log = ends_in_time(silent.local_addr().unwrap());
    captured(&file("hangs"), &log);
}

#[test]
fn a_collector_that_is_not_there_is_named_in_the_log() {
    // The near end of a connection has a port that nobody else can get,
    // and that nobody listens on.
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(far.local_addr().unwrap()).unwrap();
    let log = ends_in_time(near.local_addr().unwrap());
    captured(&file("unreachable"), &log);
}

#[test]
fn a_link_must_be_named() {
    for program in
        [env!("CARGO_BIN_EXE_lost"), env!("CARGO_BIN_EXE_kept")]
    {
        let output = Command::new(program)
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        let (_, log) = printed(&output);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(log, "Error: name a link\n");
    }
}
