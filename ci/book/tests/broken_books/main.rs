//! The verifier's second users: a small good book, and that book broken in every way that would mislead a reader.
//!
//! Each row of the table below changes the good book a little, runs `cargo book` on it, and says which words, with
//! which page and line, must come out. None may be green. Each row runs in a folder of its own, with a temporary
//! folder of its own that has to be empty afterwards, and no process may be left.

mod book;
mod exercises;
mod labs;
mod table;

use std::process::ExitCode;

/// No row here starts anything on an engine.
mod engine {
    pub fn nothing_left(_: u32) -> Result<(), String> {
        Err("a row with an engine belongs to broken_docker_books".into())
    }
}

fn main() -> ExitCode {
    let cases = table::cases().into_iter().chain(exercises::cases());
    let stories = [table::stories(), labs::stories(), exercises::stories()].concat();
    book::Good::all(table::files, "broken-books", cases.collect(), stories)
}
