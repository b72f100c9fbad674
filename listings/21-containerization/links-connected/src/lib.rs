//! `links-api` as the front of a system: links live behind gRPC, each redirect is an event.
//!
//! The routes, the checks of input, the problems and the drain are those of `links-api`. What is here is what it takes
//! to put another store below them.
//!
//! | pattern | where |
//! |---|---|
//! | configuration, checked before a port is bound | [`config`] |
//! | a store that is a gRPC client, with a deadline for each call | [`resolver`] |
//! | readiness that is known before anybody asks | [`resolver`] |
//! | events that a request never waits for | [`clicks`] |
//! | both as one store | [`store`] |
//! | a span for each request | [`traced`] |
//! | serve, drain, flush | [`server`] |

// ANCHOR: modules
pub mod clicks;
pub mod config;
pub mod resolver;
pub mod server;
pub mod store;
pub mod traced;
// ANCHOR_END: modules
