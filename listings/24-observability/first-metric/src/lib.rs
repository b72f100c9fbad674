//! Metrics that a Prometheus scrapes: those of the program of module 21.
//!
//! | module | what lives there |
//! |---|---|
//! | [`by_path`] | a counter that grows without a bound |
//! | [`metrics`] | a counter and a histogram that do not |
//! | [`api`] | the routes of `links-api`, counted, and `/metrics` |
//! | [`server`] | serving, and stopping in time |

pub mod api;
pub mod by_path;
pub mod metrics;
pub mod server;
