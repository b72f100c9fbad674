//! What a build did, read from what BuildKit reports of it.
//!
//! | module | what lives there |
//! |---|---|
//! | [`edits`] | changes of a folder, for tests that build before and after |
//! | [`report`] | the report's own form: a stream of JSON objects |
//! | [`steps`] | what it says in the end: each step, whether it ran, what cargo compiled in it |

pub mod edits;
pub mod report;
pub mod steps;

pub use steps::{Step, Steps};
