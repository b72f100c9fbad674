//! What every service of the book's system does alike.
//!
//! | pattern | where |
//! |---|---|
//! | defaults < file < environment, refused by name | [`config`] |
//! | secrets that come as files and are never printed | [`config::Secret`] |
//! | exit codes and the one flag | [`program`] |
//! | logs for people, spans for a collector | [`telemetry`] |
//! | SIGTERM and SIGINT as a future | [`shutdown`] |
//! | liveness, readiness, startup over HTTP | [`probes`] |
//! | a pause that grows, up to a bound | [`backoff`] |

// ANCHOR: modules
pub mod backoff; // the pause before another attempt
pub mod config; // defaults < file < environment
pub mod probes; // alive, ready, started
pub mod program; // exit codes, the one flag
pub mod shutdown; // SIGTERM and SIGINT
pub mod telemetry; // logs and spans
// ANCHOR_END: modules
