//! Which steps of a Dockerfile an engine takes from its cache.
//!
//! | module | what lives there |
//! |---|---|
//! | [`cache`] | the rule: what makes a step run again |
//! | [`order`] | four orders of the same build |
//! | [`work`] | what a step costs that runs again |
//! | [`lab`] | a build as a picture |
//!
//! Nothing here builds anything. The crate's tests build the same
//! Dockerfiles with a real engine, and compare.

// ANCHOR: modules
pub mod cache;
pub mod lab;
pub mod order;
pub mod work;
// ANCHOR_END: modules

pub use lab::answer;
