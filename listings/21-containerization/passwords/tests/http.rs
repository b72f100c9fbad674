//! The routes over a real connection, on a runtime with one worker, as a container with one CPU has it.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::send;
use passwords::cost::Cost;
use passwords::{App, router};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Long enough to be told from a probe's answer, also where the hash is
/// not optimized.
const COST: Cost = Cost { memory: 1024, passes: 16 };

/// A server, and the runtime that it ends with.
struct Server {
    address: SocketAddr,
    app: App,
    _runtime: Runtime,
}

fn server(cost: Cost) -> Server {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let app = App { cost, ..App::default() };
    let listener =
        runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(app.clone());
    runtime.spawn(async move { axum::serve(listener, service).await });
    Server { address, app, _runtime: runtime }
}

/// How long one hash takes, and the longest that anybody waits for
/// `/livez` meanwhile.
fn hash_beside_probes(
    server: &Server,
    path: &str,
) -> (Duration, Duration) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| {
            let start = Instant::now();
            let (status, _, body) =
                send(server.address, "POST", path, "correct horse");
            let took = start.elapsed();
            done.store(true, Ordering::Relaxed);
            assert_eq!(status, 200, "{body}");
            assert!(
                body.starts_with("$argon2id$v=19$m=1024,t=16,p=1$")
            );
            took
        });
        let mut longest = Duration::ZERO;
        while !done.load(Ordering::Relaxed) {
            let start = Instant::now();
            let (status, _, body) =
                send(server.address, "GET", "/livez", "");
            assert_eq!((status, body.as_str()), (200, "alive"));
            longest = longest.max(start.elapsed());
        }
        (hashing.join().unwrap(), longest)
    })
}

#[test]
fn one_worker_that_hashes_answers_nobody() {
    let server = server(COST);
    let (_, _, said) = send(server.address, "GET", "/workers", "");
    assert!(said.ends_with(", workers: 1\n"), "{said}");
    let (hash, probe) = hash_beside_probes(&server, "/hash/here");
    assert!(probe > hash / 2, "{probe:?} of {hash:?}");
}

#[test]
fn work_that_is_moved_off_the_worker_lets_it_answer() {
    let server = server(COST);
    for path in ["/hash/aside", "/hash/in-place", "/hash/bounded"] {
        let (hash, probe) = hash_beside_probes(&server, path);
        assert!(probe < hash / 2, "{path}: {probe:?} of {hash:?}");
    }
}

/// How many hashes the program says that it makes. Other tests of this
/// program hash as well: it is at least what this one knows of.
fn hashing(server: &Server) -> usize {
    let (status, _, said) = send(server.address, "GET", "/hashing", "");
    assert_eq!(status, 200);
    said.trim().parse().unwrap()
}

#[test]
fn a_hash_under_way_is_counted_until_it_ends() {
    let server = server(Cost { memory: 1024, passes: 256 });
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            send(server.address, "POST", "/hash/aside", "a").0
        });
        while hashing(&server) == 0 {
            assert!(!client.is_finished(), "nothing was counted");
        }
        assert_eq!(client.join().unwrap(), 200);
    });
    let begin = Instant::now();
    while hashing(&server) > 0 {
        assert!(begin.elapsed() < common::BUDGET, "it never ends");
    }
}

#[test]
fn more_than_may_be_done_at_a_time_is_refused_and_nothing_is_lost() {
    let server = server(COST);
    let permits = Arc::clone(&server.app.permits);
    let all = permits.available_permits() as u32;
    let held = permits.clone().try_acquire_many_owned(all).unwrap();
    let path = "/hash/bounded";
    let (status, head, body) = send(server.address, "POST", path, "a");
    assert_eq!((status, body.as_str()), (503, "busy; send it again"));
    assert!(head.contains("retry-after: 1"), "{head}");
    drop(held);
    let (status, ..) = send(server.address, "POST", path, "a");
    assert_eq!(status, 200);
    assert_eq!(permits.available_permits() as u32, all);
}

#[test]
fn what_cannot_be_hashed_is_said() {
    let server = server(Cost { memory: 1, passes: 1 });
    let (status, _, body) =
        send(server.address, "POST", "/hash/aside", "a");
    assert_eq!(status, 500);
    assert_eq!(body, "memory cost is too small");
    let long = "a".repeat(2000);
    let (status, ..) =
        send(server.address, "POST", "/hash/aside", &long);
    assert_eq!(status, 413);
}
