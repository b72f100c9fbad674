//! What a container may use, and what becomes of a program that does not know.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use book_support::captured;
use production_tests::{Container, captured as file, passwords};

/// How often each way to hash is measured.
const ROUNDS: usize = 5;

/// Clients that come at once.
const CLIENTS: usize = 16;

/// What a container may have: less than all clients' hashes need.
const MEMORY: [&str; 2] = ["--memory=128m", "--memory-swap=128m"];

#[test]
fn workers_follow_the_limit() {
    let image = passwords();
    let limits: [(&str, &[&str]); 4] = [
        ("--cpus 0.5", &["--cpus=0.5"]),
        ("--cpus 1", &["--cpus=1"]),
        ("--cpus 1.5", &["--cpus=1.5"]),
        (
            "--cpus 1, TOKIO_WORKER_THREADS=4",
            &["--cpus=1", "--env=TOKIO_WORKER_THREADS=4"],
        ),
    ];
    let lines = limits.map(|(name, flags)| {
        let container = Container::serving(&image, flags);
        let (_, said) = container.send("GET", "/workers", "").unwrap();
        format!("{name:34}{}", said.trim_end())
    });
    captured(&file("workers.txt"), &lines.join("\n"));

    let unlimited = Container::serving(&image, &[]);
    let (_, said) = unlimited.send("GET", "/workers", "").unwrap();
    let cpus = std::thread::available_parallelism().unwrap();
    assert_eq!(said, format!("CPUs: {cpus}, workers: {cpus}\n"));
}

/// How long one hash takes, and the longest that anybody waits for
/// `/livez` meanwhile.
fn hash_beside_probes(
    container: &Container,
    path: &str,
) -> (Duration, Duration) {
    let address = container.address().unwrap();
    let done = AtomicBool::new(false);
    let send = |method: &str, path: &str, body: &str| {
        let start = Instant::now();
        let answer =
            production_tests::send(address, method, path, body);
        let (status, body) = answer.expect("an answer");
        assert_eq!(status, 200, "{body}");
        start.elapsed()
    };
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| {
            let took = send("POST", path, "correct horse");
            done.store(true, Ordering::Relaxed);
            took
        });
        let mut longest = Duration::ZERO;
        while !done.load(Ordering::Relaxed) {
            longest = longest.max(send("GET", "/livez", ""));
        }
        (hashing.join().unwrap(), longest)
    })
}

#[test]
fn a_hash_on_the_one_worker_stops_all_and_elsewhere_it_does_not() {
    let image = passwords();
    let container = Container::serving(&image, &["--cpus=1"]);
    let mut lines =
        vec![format!("{:18}others wait for /livez", "a hash is made")];
    for (name, path) in [
        ("on the worker", "/hash/here"),
        ("block_in_place", "/hash/in-place"),
        ("spawn_blocking", "/hash/aside"),
    ] {
        let mut parts: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let (hash, probe) =
                    hash_beside_probes(&container, path);
                probe.as_secs_f64() / hash.as_secs_f64()
            })
            .collect();
        parts.sort_by(f64::total_cmp);
        println!("{path}: {parts:.3?}");
        let median = parts[ROUNDS / 2];
        let words = match median {
            m if m > 0.8 => "nearly as long as the hash takes",
            m if m < 0.5 => "less than half as long",
            _ => "more than half as long",
        };
        lines.push(format!("{name:18}{words}"));
    }
    captured(&file("blocked.txt"), &lines.join("\n"));
}

/// What becomes of clients that come at once: answer and how many got
/// it. The program stands still until all have sent: a client that came
/// a hash's time later would find the memory free again.
fn storm(container: &Container, path: &str) -> String {
    let address = container.address().unwrap();
    container.docker(&["pause"]);
    let asked: Vec<_> = (0..CLIENTS)
        .map(|_| production_tests::ask(address, "POST", path, "horse"))
        .collect();
    container.docker(&["unpause"]);
    let answer = |stream: Option<TcpStream>| {
        let (status, _) = production_tests::answer(stream?)?;
        Some(status)
    };
    let answers = asked.into_iter().map(answer);
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer).or_insert(0) += 1;
    }
    let word = |status: Option<u16>| match status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let lines =
        counts.into_iter().map(|(s, n)| format!("{n:2} {}", word(s)));
    lines.collect::<Vec<_>>().join("\n")
}

const STATE: &str = "status={{.State.Status}} code={{.State.ExitCode}} OOMKilled={{.State.OOMKilled}}";

#[test]
fn more_hashes_than_the_memory_holds_end_the_program() {
    let image = passwords();
    let container = Container::serving(&image, &MEMORY);
    let seen = storm(&container, "/hash/aside");
    container.ended();
    let state = container.inspect(STATE);
    captured(
        &file("oom.txt"),
        &format!("{CLIENTS} clients at once:\n{seen}\n\n{state}"),
    );
    let log = container.logs();
    // Nobody was told: the last line is still the first.
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn a_bound_keeps_it_alive_and_says_so_to_the_others() {
    let image = passwords();
    let container = Container::serving(&image, &MEMORY);
    // Which clients come while a permit is free differs; nobody is left
    // without an answer.
    let seen = storm(&container, "/hash/bounded");
    for line in seen.lines() {
        let code = line.split_whitespace().nth(1).unwrap();
        assert!(["200", "503"].contains(&code), "{seen}");
    }
    assert!(seen.contains("503") && seen.contains("200"), "{seen}");
    let (status, _) =
        container.send("POST", "/hash/bounded", "horse").unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        container.inspect(STATE),
        "status=running code=0 OOMKilled=false"
    );
}
