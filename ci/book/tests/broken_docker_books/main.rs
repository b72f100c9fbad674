//! The rows of `broken_books` that need a Docker engine, on a small good book with one image.
//!
//! What tests start on the engine is named after the run's process, so that these rows can say that nothing is left
//! also while others use the same engine.

#[path = "../broken_books/book.rs"]
mod book;
mod engine;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    book::Good::all(table::files, "broken-docker-books", table::cases(), table::stories())
}
