//! Counts each click exactly once.
//!
//! | pattern | where |
//! |---|---|
//! | configuration, checked before anything starts | [`config`] |
//! | a dedup key in the same transaction as the count | [`counts`] |
//! | acknowledge after the commit, wait for what is away | [`consumer`] |
//! | probes that never wait | [`health`] |
//! | start, and stop with a deadline | [`server`] |

// ANCHOR: modules
pub mod config;
pub mod consumer;
pub mod counts;
pub mod health;
pub mod server;
// ANCHOR_END: modules
