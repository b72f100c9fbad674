//! The jobs that checks are made of.

pub mod console;
pub mod leftovers;
mod runner;
pub mod snippets;
pub mod tests;

pub use runner::{Book, Options, Outcome, merge, plural, test};
