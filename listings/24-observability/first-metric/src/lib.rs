//! Metrics of the program of module 21, for a Prometheus to scrape.
//!
//! | module | what lives there |
//! |---|---|
//! | [`by_path`] | a counter that grows without a bound |
//! | [`metrics`] | a counter and a histogram that do not |
//! | [`api`] | the routes of `links-api`, counted, and `/metrics` |
//! | [`server`] | serving, and stopping in time |

// ANCHOR: modules
pub mod api; // the routes, counted, and /metrics
pub mod by_path; // the same, counted so that it ends badly
pub mod metrics; // what is counted and measured
pub mod server; // serving, and stopping in time
// ANCHOR_END: modules
