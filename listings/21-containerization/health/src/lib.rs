//! Probes of a service that needs a database.

// ANCHOR: modules
pub mod asking;
pub mod watching;
// ANCHOR_END: modules
