//! A database that hangs, and what each kind of probe makes of it.

mod common;

use std::time::{Duration, Instant};

use book_support::captured;
use book_support::engines::{POSTGRES, postgres};
use book_support::eventually;
use book_support::faults::Faults;
use common::Program;

/// Longest that the programs may take to see that the database is back.
const BACK: Duration = Duration::from_secs(20);

fn file(name: &str) -> String {
    format!("listings/21-containerization/health/captured/{name}.txt")
}

fn becomes_ready(program: &Program) {
    eventually("it is ready", BACK, || match program.ask("/readyz") {
        Some(200) => Ok(()),
        other => Err(other),
    });
}

#[test]
fn a_hanging_database_is_seen_and_does_not_spread() {
    let database = postgres();
    let address = database.address(POSTGRES);
    let asking = Program::start("asking", address);
    let watching = Program::start("watching", address);
    becomes_ready(&asking);
    becomes_ready(&watching);
    assert_eq!(asking.ask("/livez"), Some(200));
    assert_eq!(watching.ask("/startupz"), Some(200));

    let paused = database.pause();
    let start = Instant::now();
    while watching.ask("/readyz") == Some(200) {
        assert!(start.elapsed() < Duration::from_secs(1));
        std::thread::yield_now();
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");

    let mut table = format!("{:12}{:12}watching\n", "probe", "asking");
    for path in ["/livez", "/readyz"] {
        let said = |answer: Option<u16>| match answer {
            Some(status) => status.to_string(),
            None => "no answer".to_owned(),
        };
        let (a, w) = (said(asking.ask(path)), said(watching.ask(path)));
        table += &format!("{path:12}{a:12}{w}\n");
    }
    captured(&file("hang"), &table);

    paused.undo();
    becomes_ready(&watching);
    becomes_ready(&asking);
    assert_eq!(watching.stop(), Some(0));
    assert_eq!(asking.stop(), Some(0));
}

/// How many refusals in a row a kubelet takes before it restarts.
const FAILURES: u32 = 3;
/// How many times it asks while the database hangs.
const QUESTIONS: u32 = 9;

#[test]
fn a_liveness_that_asks_the_database_is_a_storm_of_restarts() {
    let database = postgres();
    let address = database.address(POSTGRES);
    let restarts = ["asking", "watching"].map(|probes| {
        let mut program = Program::start(probes, address);
        becomes_ready(&program);
        let paused = database.pause();
        let (mut restarts, mut failures) = (0, 0);
        for _ in 0..QUESTIONS {
            match program.ask("/livez") {
                Some(200) => failures = 0,
                _ => failures += 1,
            }
            if failures == FAILURES {
                program = Program::start(probes, address);
                (restarts, failures) = (restarts + 1, 0);
            }
        }
        paused.undo();
        becomes_ready(&program);
        format!("{probes:10}{restarts}")
    });
    let table = format!("{:10}restarts\n", "probes");
    captured(&file("storm"), &(table + &restarts.join("\n")));
}
