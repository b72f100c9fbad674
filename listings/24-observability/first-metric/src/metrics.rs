//! What is counted and measured, and under which labels.

use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

// ANCHOR: labels
/// What a request is counted under. Both have few values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    /// The pattern, not the path: `/{code}`.
    pub route: String,
    /// How it went.
    pub outcome: Outcome,
}
// ANCHOR_END: labels

// ANCHOR: outcomes
/// All that there is: the compiler knows of no fourth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// The client got what it asked for.
    Served,
    /// The client asked for what it cannot have.
    Refused,
    /// It is not the client's fault.
    Failed,
}
// ANCHOR_END: outcomes

// ANCHOR: outcome
impl From<StatusCode> for Outcome {
    fn from(status: StatusCode) -> Outcome {
        match status.as_u16() {
            500.. => Outcome::Failed,
            400.. => Outcome::Refused,
            _ => Outcome::Served,
        }
    }
}
// ANCHOR_END: outcome

/// What a duration is measured under. Each value costs a whole
/// histogram, so there is no outcome in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// As in [`Labels`].
    pub route: String,
}

// ANCHOR: buckets
/// Upper bounds in seconds: close together where a promise is made,
/// far apart elsewhere.
const BUCKETS: [f64; 9] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1.0];
// ANCHOR_END: buckets

/// The metrics of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Labels, Counter>,
    durations: Family<Route, Histogram>,
}

impl Metrics {
    // ANCHOR: register
    /// Registers them under their names, without `_total` and without
    /// the unit: the registry adds both.
    pub fn new(registry: &mut Registry) -> Metrics {
        let requests = Family::default();
        let help = "Requests by route and outcome";
        registry.register("http_requests", help, requests.clone());

        let empty = || Histogram::new(BUCKETS);
        let durations =
            Family::new_with_constructor(empty as fn() -> _);
        let (name, help) = ("http_request_duration", "Time to answer");
        let own = durations.clone();
        registry.register_with_unit(name, help, Unit::Seconds, own);
        Metrics { requests, durations }
    }
    // ANCHOR_END: register

    // ANCHOR: record
    /// Records one request.
    pub fn record(
        &self,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let outcome = Outcome::from(status);
        let labels = Labels { route: route.to_owned(), outcome };
        self.requests.get_or_create(&labels).inc();

        let route = Route { route: route.to_owned() };
        let seconds = took.as_secs_f64();
        self.durations.get_or_create(&route).observe(seconds);
    }
    // ANCHOR_END: record
}
