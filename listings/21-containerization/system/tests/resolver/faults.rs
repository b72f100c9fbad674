//! What it says when the database is late, hangs or is gone.

use std::fmt::Write;
use std::time::{Duration, Instant};

use book_support::captured;
use book_support::engines::POSTGRES;
use book_support::faults::{Cut, Faults, Mode};
use sqlx::Connection;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::bench::{
    Bench, Running, TARGET, answered, becomes, create, file, resolve,
    resolve_in_time, settings, until_count, url,
};

/// Queries of resolvers that the database works on, or that wait there.
const QUERIES: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE application_name = 'resolver' AND state = 'active'";

fn line(
    text: &mut String,
    what: &str,
    answer: &Result<String, Status>,
) {
    let answer = match answer {
        Ok(target) => target.clone(),
        Err(status) => format!("{:?}", status.code()),
    };
    writeln!(text, "{what:22}{answer}").unwrap();
}

#[test]
fn what_nobody_waits_for_any_more_is_not_worked_on() {
    let bench = Bench::start();
    bench.run(async {
        let resolver = bench.resolver().await;
        let mut links = resolver.links().await;
        let code = create(&mut links).await.unwrap();

        // Whoever asks for a link waits for this lock.
        let (mut locks, mut sql) =
            (bench.sql().await, bench.sql().await);
        let mut lock = locks.begin().await.unwrap();
        sqlx::query("LOCK TABLE resolver.links")
            .execute(&mut *lock)
            .await
            .unwrap();

        // A deadline of the client.
        let mut text = String::new();
        let deadline = Duration::from_secs(5);
        let asked = tokio::spawn({
            let (mut links, code) = (links.clone(), code.clone());
            async move {
                resolve_in_time(&mut links, &code, deadline).await
            }
        });
        until_count(&mut sql, QUERIES, 1).await;
        writeln!(text, "{:22}1 query waits", "before the deadline")
            .unwrap();
        let answer = asked.await.unwrap();
        assert_eq!(
            answer.as_ref().unwrap_err().code(),
            Code::DeadlineExceeded
        );
        line(&mut text, "the client hears", &answer);
        until_count(&mut sql, QUERIES, 0).await;
        writeln!(text, "{:22}no query waits", "afterwards").unwrap();
        captured(&file("resolver-deadline"), &text);

        // A client that goes away.
        let left = tokio::spawn({
            let mut links = links.clone();
            let code = code.clone();
            async move { resolve(&mut links, &code).await }
        });
        until_count(&mut sql, QUERIES, 1).await;
        left.abort();
        until_count(&mut sql, QUERIES, 0).await;

        // The server's own bound, for a client that has none.
        let hasty = settings(bench.url(), "1", "1");
        let hasty = Running::start(hasty).await;
        hasty.until(ServingStatus::Serving).await;
        let mut links_of_hasty = hasty.links().await;
        let late = resolve(&mut links_of_hasty, &code).await;
        assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
        until_count(&mut sql, QUERIES, 0).await;
        hasty.end().await;

        lock.rollback().await.unwrap();
        assert_eq!(resolve(&mut links, &code).await.unwrap(), TARGET);
        resolver.end().await;
    });
}

#[test]
fn a_database_that_is_gone_is_said_to_be_and_comes_back() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.database, POSTGRES);
    let mut text = String::new();
    let (resolver, mut links, code, mut health) = bench.run(async {
        let patient = settings(&url(cut.address()), "30", "30");
        let resolver = Running::start(patient).await;
        let mut health = resolver.health().await;
        becomes(&mut health, ServingStatus::Serving).await;
        let mut links = resolver.links().await;
        let code = create(&mut links).await.unwrap();
        (resolver, links, code, health)
    });
    let mut says = |when: &str, expected| {
        bench.run(async {
            let begin = Instant::now();
            becomes(&mut health, expected).await;
            let took = begin.elapsed();
            // One beat each second, each of half a second at most; the
            // rest is for a machine that has much else to do.
            assert!(took < Duration::from_secs(20), "{when} {took:?}");
            let answer = match expected {
                ServingStatus::Serving => {
                    answered(&mut links, &code).await
                }
                _ => resolve(&mut links, &code).await,
            };
            line(&mut text, when, &answer);
            let health = expected.as_str_name();
            writeln!(text, "{:22}health {health}", "").unwrap();
            answer.map_err(|status| status.code())
        })
    };
    let paused = bench.database.pause();
    let answer = says("hangs", ServingStatus::NotServing);
    assert_eq!(answer, Err(Code::Unavailable));
    paused.undo();
    let answer = says("goes on", ServingStatus::Serving);
    assert_eq!(answer.as_deref(), Ok(TARGET));

    let killed = bench.database.kill();
    let answer = says("is killed", ServingStatus::NotServing);
    assert_eq!(answer, Err(Code::Unavailable));
    killed.undo();
    let answer = says("is started again", ServingStatus::Serving);
    assert_eq!(answer.as_deref(), Ok(TARGET));

    // The line is cut, and no socket notices.
    cut.set(Mode::Hang);
    let answer = says("cannot be heard", ServingStatus::NotServing);
    assert_eq!(answer, Err(Code::Unavailable));
    cut.set(Mode::Pass);
    let answer = says("is heard again", ServingStatus::Serving);
    assert_eq!(answer.as_deref(), Ok(TARGET));
    captured(&file("resolver-gone"), &text);
    bench.run(resolver.end());
}

#[test]
fn it_may_start_before_its_database() {
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.database, POSTGRES);
    cut.set(Mode::Reset);
    bench.run(async {
        let patient = settings(&url(cut.address()), "4", "30");
        let resolver = Running::start(patient).await;
        let mut links = resolver.links().await;
        let none = resolve(&mut links, "VcdWRhe").await;
        assert_eq!(none.unwrap_err().code(), Code::Unavailable);
        let mut health = resolver.health().await;
        let now = health.message().await.unwrap().unwrap().status();
        assert_eq!(now, ServingStatus::NotServing);
        cut.set(Mode::Pass);
        becomes(&mut health, ServingStatus::Serving).await;
        let none = answered(&mut links, "VcdWRhe").await;
        assert_eq!(none.unwrap_err().code(), Code::NotFound);
        resolver.end().await;
    });
}
