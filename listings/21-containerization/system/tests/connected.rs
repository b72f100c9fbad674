//! The front of the system: its routes are those of `links-api`, its links live behind gRPC, and nobody waits for a click.

mod bench;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench::{Bench, Program, amqp, ask, file, get, postgres, probed};
use book_support::captured;
use book_support::engines::{AMQP, POSTGRES};
use book_support::faults::{Cut, Mode};
use links_connected::clicks::{Fate, way};
use links_contract::click::{Click, QUEUE};
use tokio::sync::oneshot;
use tokio::time::Instant as Then;

/// A resolver over the bench's database.
fn resolver(bench: &Bench) -> Program {
    let database = postgres(bench.database.address(POSTGRES));
    let variables = [("RESOLVER_DATABASE_URL", database.as_str())];
    Program::start("resolver", "RESOLVER", &variables)
}

fn program(resolver: SocketAddr, broker: SocketAddr) -> Program {
    let (resolver, broker) =
        (format!("http://{resolver}"), amqp(broker));
    let variables = [
        ("LINKS_RESOLVER_URL", resolver.as_str()),
        ("LINKS_BROKER_URL", broker.as_str()),
        ("LINKS_DRAIN_SECONDS", "30"),
    ];
    Program::start("links-connected", "LINKS", &variables)
}

/// Makes a link; its code.
fn link(at: SocketAddr) -> String {
    let target = r#"{"target":"https://www.rust-lang.org"}"#;
    let (status, answer) = ask(at, "POST", "/links", target);
    assert_eq!(status, 201, "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let link: serde_json::Value = serde_json::from_str(body).unwrap();
    link["code"].as_str().unwrap().to_owned()
}

/// Follows a link so many times; the middle one of the times it took.
fn follow(at: SocketAddr, code: &str, times: usize) -> Duration {
    let mut took: Vec<_> = (0..times)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(get(at, &format!("/{code}")), 307);
            start.elapsed()
        })
        .collect();
    took.sort();
    took[times / 2]
}

#[test]
fn its_links_live_at_the_resolver_and_only_readiness_follows_it() {
    let bench = Bench::start();
    let resolver = resolver(&bench);
    let cut = Cut::before(resolver.address);
    let broker = bench.broker.address(AMQP);
    let links = program(cut.address(), broker);
    let at = links.address;
    probed(at, "/readyz", 200);

    let code = link(at);
    let path = format!("/{code}");
    let (status, answer) = ask(at, "GET", &path, "");
    assert_eq!(status, 307);
    assert!(answer.contains("location: https://www.rust-lang.org"));
    bench.until(QUEUE, "a click waits", |n, _| n == 1);
    let (status, list) = ask(at, "GET", "/links", "");
    assert!(status == 200 && list.contains(&code), "{list}");

    // What is refused here never gets to the resolver.
    let bad = r#"{"target":"ftp://example.com"}"#;
    let (status, answer) = ask(at, "POST", "/links", bad);
    assert_eq!(status, 422);
    assert!(answer.contains("http:// or https://"), "{answer}");
    assert_eq!(ask(at, "DELETE", &path, "").0, 204);
    assert_eq!(ask(at, "DELETE", &path, "").0, 404);
    assert_eq!(get(at, &path), 404);
    assert_eq!(get(at, "/0"), 404);

    // A resolver that is gone, and one that hangs.
    let code = link(at);
    let path = format!("/{code}");
    let mut seen = format!(
        "{:14}{:12}/livez  /startupz  /readyz\n",
        "the resolver", "a redirect"
    );
    let mut row = |resolver: &str, redirect: u16, ready: u16| {
        let (live, started) = (get(at, "/livez"), get(at, "/startupz"));
        assert_eq!((live, started), (200, 200));
        seen += &format!(
            "{resolver:14}{redirect:<12}{live:<8}{started:<11}{ready}\n"
        );
    };
    row("is there", get(at, &path), get(at, "/readyz"));
    for (mode, expected, title) in [
        (Mode::Reset, 503, "Service Unavailable"),
        (Mode::Hang, 504, "Gateway Timeout"),
    ] {
        cut.set(mode);
        probed(at, "/readyz", 503);
        let (status, answer) = ask(at, "GET", &path, "");
        assert_eq!(status, expected, "{answer}");
        assert!(answer.contains("application/problem+json"));
        assert!(answer.contains(title), "{answer}");
        let resolver =
            if expected == 503 { "is gone" } else { "hangs" };
        row(resolver, status, get(at, "/readyz"));
        cut.set(Mode::Reset);
        cut.set(Mode::Pass);
        probed(at, "/readyz", 200);
        assert_eq!(get(at, &path), 307);
    }
    row("is back", get(at, &path), get(at, "/readyz"));
    captured(&file("connected-probes"), &seen);
    let (code, log) = links.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("flushed"), "{log}");
}

#[test]
fn a_redirect_does_not_wait_for_the_broker_and_no_click_is_lost() {
    const TIMES: usize = 100;
    let bench = Bench::start();
    let cut = Cut::before_container(&bench.broker, AMQP);
    let resolver = resolver(&bench);
    let links = program(resolver.address, cut.address());
    let at = links.address;
    probed(at, "/readyz", 200);
    let code = link(at);

    // In turns, so that a busy machine is busy for both.
    let (mut there, mut away) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        cut.set(Mode::Pass);
        there.push(follow(at, &code, TIMES));
        cut.set(Mode::Reset);
        away.push(follow(at, &code, TIMES));
        // Hanging is worse than gone: nobody says no.
        cut.set(Mode::Hang);
        away.push(follow(at, &code, TIMES));
        cut.set(Mode::Reset);
    }
    there.sort();
    away.sort();
    // Waiting for a broker that hangs would take seconds.
    let slack = Duration::from_millis(20);
    assert!(
        away[3] <= 3 * there[1] + slack,
        "with the broker {there:?}, without {away:?}"
    );
    // The broker does not count for readiness.
    assert_eq!(get(at, "/readyz"), 200);

    cut.set(Mode::Pass);
    let followed = 9 * TIMES as u32;
    let (exit, log) = links.stop();
    assert_eq!(exit, Some(0), "{log}");
    let last = log.lines().find(|line| line.contains("flushed"));
    let last: serde_json::Value =
        serde_json::from_str(last.expect(&log)).unwrap();
    bench.until(QUEUE, "all wait", |n, _| n >= followed);
    let database = postgres(bench.database.address(POSTGRES));
    let broker = amqp(bench.broker.address(AMQP));
    let env = [
        ("CLICKS_BROKER_URL", broker.as_str()),
        ("CLICKS_DATABASE_URL", database.as_str()),
    ];
    let clicks = Program::start("clicks", "CLICKS", &env);
    let counts = bench.counts();
    bench.until(QUEUE, "none waits", |n, readers| {
        n == 0 && readers == 1
    });
    bench.counted(&counts, &code, followed.into());
    assert_eq!(clicks.stop().0, Some(0));
    let counted = bench.run(counts.of(&code)).unwrap();
    captured(
        &file("connected-fate"),
        &format!(
            "followed, the broker there or not  {followed}\n\
             clicks offered                     {}\n\
             confirmed by the end               {}\n\
             lost                               {}\n\
             counted                            {counted}",
            last["fate.offered"],
            last["fate.confirmed"],
            last["fate.lost"]
        ),
    );
}

#[test]
fn clicks_that_have_no_room_are_counted_as_lost_and_the_end_is_bounded()
{
    let bench = Bench::start();
    // Nobody listens there: the system gives no process this port.
    let nobody = "amqp://127.0.0.1:1/%2f".parse().unwrap();
    let (clicks, publisher) = way(nobody, 3);
    let (end, ended) = oneshot::channel();
    // Not yet running: three wait in memory, and there is no fourth place.
    for _ in 0..5 {
        clicks.offer(Click::new("VcdWRhe"));
    }
    let fate = Fate { offered: 5, confirmed: 0, lost: 2 };
    assert_eq!(clicks.fate(), fate);
    bench.run(async {
        let publishing = tokio::spawn(publisher.run(ended));
        end.send(Then::now() + Duration::from_millis(100)).unwrap();
        publishing.await.unwrap();
    });
    let fate = Fate { offered: 5, confirmed: 0, lost: 5 };
    assert_eq!(clicks.fate(), fate);
}
