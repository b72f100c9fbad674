//! Metrics that a Prometheus scrapes.
