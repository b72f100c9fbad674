//! Who is served while a program stops.
//!
//! | module | what lives there |
//! |---|---|
//! | [`stop`] | the rule: what becomes of a request |
//! | [`lab`] | a stop as a picture |
//!
//! There is no clock here: time is a number that a caller gives. A test
//! stops the real `links-api`, and compares.

// ANCHOR: modules
pub mod lab;
pub mod stop;
// ANCHOR_END: modules

pub use lab::answer;
