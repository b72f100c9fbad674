//! How many series there are, and what `/metrics` says.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use std::fmt::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use book_support::fact;
use common::{Server, captured};
use first_metric::metrics::{Metrics, Outcome};
use first_metric::{api, by_path};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// How many paths a scanner tries.
const TRIED: usize = 500;

/// Series of the counter after a scanner has come by.
fn series_after_scan(server: &Server) -> usize {
    server.send("GET", &server.make_link(), "");
    for n in 0..TRIED {
        let answer = server.send("GET", &format!("/guess-{n}"), "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    let metrics = server.metrics();
    metrics
        .iter()
        .filter(|line| line.starts_with("http_requests_total{"))
        .count()
}

#[test]
fn a_label_that_clients_choose_has_as_many_values_as_they_like() {
    let server = Server::start("127.0.0.1:0", by_path::router);
    let series = series_after_scan(&server);
    // The paths, the link, and `/links`.
    assert_eq!(series, TRIED + 2);
}

#[test]
fn labels_of_few_values_make_few_series() {
    let server = Server::start("127.0.0.1:0", api::router);
    assert_eq!(series_after_scan(&server), 3);
    let metrics = server.metrics();
    for line in [
        r#"http_requests_total{route="/links",outcome="Served"} 1"#,
        r#"http_requests_total{route="/{code}",outcome="Served"} 1"#,
        r#"http_requests_total{route="/{code}",outcome="Refused"} 500"#,
    ] {
        assert!(
            metrics.iter().any(|l| l == line),
            "{line}: {metrics:?}"
        );
    }
}

#[test]
fn a_path_without_a_route_is_counted_as_none() {
    let server = Server::start("127.0.0.1:0", api::router);
    server.send("GET", "/no/such/route", "");
    let line =
        r#"http_requests_total{route="none",outcome="Refused"} 1"#;
    let metrics = server.metrics();
    assert!(metrics.iter().any(|l| l == line), "{metrics:?}");
}

#[test]
fn metrics_are_open_metrics_and_not_counted_themselves() {
    let server = Server::start("127.0.0.1:0", api::router);
    server.send("GET", "/metrics", "");
    let answer = server.send("GET", "/metrics", "");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let kind = "content-type: application/openmetrics-text; \
                version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert!(!body.contains("/metrics"), "{body}");
}

/// What a process shows that was told of three requests.
#[test]
fn a_histogram_counts_what_is_at_most_as_long() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    for micros in [80, 300, 40_000] {
        let took = Duration::from_micros(micros);
        metrics.record("/{code}", axum::http::StatusCode::OK, took);
    }
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let shown = text
        .lines()
        .filter(|line| line.contains("duration"))
        .fold(String::new(), |mut all, line| {
            writeln!(all, "{line}").unwrap();
            all
        });
    book_support::captured(&captured("histogram"), &shown);

    let series = shown.lines().filter(|l| !l.starts_with('#')).count();
    fact(&captured("histogram-series"), series);
}

#[test]
fn a_name_that_ends_in_total_gets_a_second_one() {
    let mut registry = Registry::default();
    let requests = Counter::<u64>::default();
    registry.register("http_requests_total", "Requests", requests);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    book_support::captured(&captured("total-twice"), &text);
}

#[test]
fn an_outcome_is_the_class_of_the_status() {
    for (status, outcome) in [
        (200, Outcome::Served),
        (307, Outcome::Served),
        (404, Outcome::Refused),
        (503, Outcome::Failed),
    ] {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        assert_eq!(Outcome::from(status), outcome);
    }
}

#[test]
fn a_client_that_says_nothing_does_not_hold_it_up() {
    let server = Server::start("127.0.0.1:0", api::router);
    let address = format!("127.0.0.1:{}", server.port());
    let mut silent = TcpStream::connect(address).unwrap();
    // Half a request, and then nothing.
    std::io::Write::write_all(&mut silent, b"GET / HTTP/1.1\r\n")
        .unwrap();
    // It is accepted: one that came later has been answered.
    server.send("GET", "/livez", "");
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(5));
}
