//! A link shortener's HTTP API: create a short link, follow it, list all, delete one.
//!
//! | pattern | where |
//! |---|---|
//! | configuration with defaults, refused by name | [`config`] |
//! | input that is checked once, then trusted | [`link`] |
//! | a store behind a narrow trait | [`store`] |
//! | errors as `application/problem+json` | [`problem`] |
//! | liveness, readiness, a probe without a shell | [`health`] |
//! | routes | [`api`] |
//! | a body and a time that are bounded | [`limits`] |
//! | draining with a deadline | [`server`], [`shutdown`] |
//! | structured logs | [`logs`] |

// ANCHOR: modules
pub mod api;
pub mod config;
pub mod health;
pub mod limits;
pub mod link;
pub mod logs;
pub mod problem;
pub mod server;
pub mod shutdown;
pub mod store;
// ANCHOR_END: modules
