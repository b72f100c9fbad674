//! How it stops: whoever waits for an answer gets it, whoever only holds
//! a connection is not waited for.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use book_support::{eventually, program};
use sqlx::Connection;
use tokio::net::TcpStream;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::bench::{
    BUDGET, Bench, Running, TARGET, becomes, create, resolve, settings,
    until_count, within,
};

/// Queries that wait for a lock.
const WAIT: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE application_name = 'resolver' AND wait_event_type = 'Lock'";

#[test]
fn a_request_in_flight_is_answered_and_a_silent_client_is_left() {
    let bench = Bench::start();
    bench.run(async {
        // Its drain may take half a minute.
        let resolver = bench.resolver().await;
        let mut links = resolver.links().await;
        let code = create(&mut links).await.unwrap();
        let (mut locks, mut sql) =
            (bench.sql().await, bench.sql().await);
        let mut lock = locks.begin().await.unwrap();
        let table = sqlx::query("LOCK TABLE resolver.links");
        table.execute(&mut *lock).await.unwrap();
        let asked =
            tokio::spawn(
                async move { resolve(&mut links, &code).await },
            );
        until_count(&mut sql, WAIT, 1).await;
        // One connects and says nothing, one watches.
        let _silent = TcpStream::connect(resolver.address).await;
        let mut health = resolver.health().await;

        resolver.stop.send(()).unwrap();
        becomes(&mut health, ServingStatus::NotServing).await;
        within(async {
            while TcpStream::connect(resolver.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!resolver.ended.is_finished());
        lock.rollback().await.unwrap();
        assert_eq!(asked.await.unwrap().unwrap(), TARGET);
        let begin = Instant::now();
        within(resolver.ended).await.unwrap().unwrap();
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        // And the pool with it.
        until_count(
            &mut sql,
            "SELECT count(*) FROM pg_stat_activity \
             WHERE application_name = 'resolver'",
            0,
        )
        .await;
    });
}

#[test]
fn a_request_that_takes_longer_than_the_drain_is_cut_off() {
    let bench = Bench::start();
    bench.run(async {
        let hasty = settings(bench.url(), "60", "1");
        let resolver = Running::start(hasty).await;
        resolver.until(ServingStatus::Serving).await;
        let mut links = resolver.links().await;
        let (mut locks, mut sql) =
            (bench.sql().await, bench.sql().await);
        let mut lock = locks.begin().await.unwrap();
        let table = sqlx::query("LOCK TABLE resolver.links");
        table.execute(&mut *lock).await.unwrap();
        let asked = tokio::spawn(async move {
            resolve(&mut links, "VcdWRhe").await
        });
        until_count(&mut sql, WAIT, 1).await;
        resolver.end().await;
        asked.abort();
        lock.rollback().await.unwrap();
    });
}

#[test]
fn the_program_serves_is_probed_and_ends_with_zero() {
    let bench = Bench::start();
    let resolver = |listen: &str| {
        let mut command = Command::new(program("resolver"));
        command
            .env("RESOLVER_DATABASE_URL", bench.url())
            .env("RESOLVER_LISTEN", listen);
        command
    };
    let mut child =
        resolver("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let listen = event["address"].as_str().unwrap();
    eventually("it is healthy", BUDGET, || {
        let probe =
            resolver(listen).arg("--healthcheck").output().unwrap();
        probe.status.success().then_some(()).ok_or(probe)
    });
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    log.read_to_string(&mut line).unwrap();
    for words in ["listening", "ready", "stop requested", "stopped"] {
        let words = format!(r#""message":"{words}""#);
        assert!(line.contains(&words), "{words}: {line}");
    }
}
