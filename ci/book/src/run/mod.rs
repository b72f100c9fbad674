//! The jobs that checks are made of.

pub mod console;
pub mod leftovers;
pub mod snippets;
pub mod tests;
