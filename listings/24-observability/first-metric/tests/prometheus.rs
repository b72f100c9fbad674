//! A real Prometheus, which scrapes the service and answers the page's
//! queries.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use std::fmt::Write;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_response;
use axum::response::Response;
use book_support::engines::{Engine, PROMETHEUS, prometheus};
use book_support::prometheus::Sample;
use book_support::{Matcher, captured_matching, eventually, listing};
use common::{Server, captured, file};
use first_metric::api;
use links_api::api::App;

/// Requests go on while Prometheus scrapes: of four one is refused.
fn requests(server: &Server) {
    let link = server.make_link();
    for path in [&link, &link, "/nowhere"] {
        server.send("GET", path, "");
    }
}

/// The page's configuration, with the port of this test's server.
fn scraping(server: &Server) -> Engine {
    let config = listing(&file("prometheus.yml"));
    let shown = "host.docker.internal:8092";
    assert!(config.contains(shown), "{config}");
    let own = format!("host.docker.internal:{}", server.port());
    prometheus(&config.replace(shown, &own))
}

fn instant(prometheus: &Engine, query: &str) -> serde_json::Value {
    let path = format!("/api/v1/query?query={query}");
    let answer = prometheus.get(PROMETHEUS, &path).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Its lines as a page shows them.
fn shown(samples: &[Sample]) -> String {
    samples.iter().fold(String::new(), |mut all, sample| {
        writeln!(all, "{} {:.4}", sample.series(), sample.value)
            .unwrap();
        all
    })
}

#[test]
fn prometheus_scrapes_the_service_and_answers_the_queries() {
    // On all addresses: Prometheus comes from a container.
    let server = Server::start("0.0.0.0:0", api::router);
    requests(&server);
    let prometheus = scraping(&server);
    // A rate is a difference: a series has to grow between two scrapes.
    let both = "count_over_time(http_requests_total[1m])";
    eventually("two scrapes", Duration::from_secs(30), || {
        let answer = instant(&prometheus, both);
        requests(&server);
        let counts =
            answer["data"]["result"].as_array().unwrap().clone();
        let enough = |row: &serde_json::Value| {
            row["value"][1].as_str().unwrap().parse::<u32>().unwrap()
                >= 3
        };
        match counts.len() >= 3 && counts.iter().all(enough) {
            true => Ok(()),
            false => Err(answer),
        }
    });

    let rates = prometheus.query(&file("queries/rate.promql"));
    assert!(rates.iter().all(|rate| rate.value > 0.0), "{rates:?}");
    captured_matching(
        &captured("rate"),
        &shown(&rates),
        &[Matcher::Decimal],
    );

    let refused = prometheus.query(&file("queries/refused.promql"));
    let [share] = &refused[..] else { panic!("{refused:?}") };
    assert!((0.15..0.35).contains(&share.value), "{share}");
    captured_matching(
        &captured("refused"),
        &shown(&refused),
        &[Matcher::Decimal],
    );

    let slowest = prometheus.query(&file("queries/slowest.promql"));
    let [seconds] = &slowest[..] else { panic!("{slowest:?}") };
    assert!(seconds.value > 0.0 && seconds.value <= 1.0, "{seconds}");
    captured_matching(
        &captured("slowest"),
        &shown(&slowest),
        &[Matcher::Decimal],
    );

    // Without `by (le)` the buckets are added up, and nothing is left to
    // make a quantile of.
    let wrong = "histogram_quantile(0.95,sum(rate(\
                 http_request_duration_seconds_bucket[1m])))";
    let answer = instant(&prometheus, wrong);
    assert_eq!(answer["data"]["result"], serde_json::json!([]));
}

#[test]
fn a_text_of_no_known_type_is_not_scraped() {
    // The same text, which is said to be bytes.
    fn untyped(links: App) -> Router {
        let bytes = "application/octet-stream";
        let typed = move |mut response: Response| async move {
            let bytes = HeaderValue::from_static(bytes);
            response.headers_mut().insert(CONTENT_TYPE, bytes);
            response
        };
        api::router(links).layer(map_response(typed))
    }
    let server = Server::start("0.0.0.0:0", untyped);
    let prometheus = scraping(&server);
    let budget = Duration::from_secs(30);
    let error = eventually("a scrape that failed", budget, || {
        let path = "/api/v1/targets";
        let answer = prometheus
            .get(PROMETHEUS, path)
            .map_err(|e| e.to_string())?;
        let targets: serde_json::Value =
            serde_json::from_str(&answer.body)
                .map_err(|e| e.to_string())?;
        match &targets["data"]["activeTargets"][0]["lastError"] {
            serde_json::Value::String(error) if !error.is_empty() => {
                Ok(error.clone())
            }
            _ => Err(answer.body),
        }
    });
    book_support::captured(&captured("untyped"), &error);
}
