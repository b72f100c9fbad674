//! The rows of `broken_books` that only a browser sees: a small book with this site's theme, one good page, and a page for
//! each way to break one.
//!
//! The pages share one run, and so one build of the site and one browser. A row says what must come out of its page, at
//! which line; of the good page nothing may.

// The other tables use the rest of it.
#[allow(dead_code)]
#[path = "../broken_books/book.rs"]
mod book;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Trial};

/// No row here starts anything on an engine.
mod engine {
    pub fn nothing_left(_: u32) -> Result<(), String> {
        Err("a row with an engine belongs to broken_docker_books".into())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let run = Arc::new(LazyLock::new(table::Run::of_all));
    let mut trials = Vec::new();
    for row in table::rows() {
        let run = run.clone();
        trials.push(Trial::test(row.name, move || run.check(&row).map_err(Into::into)));
    }
    for (name, story) in table::STORIES {
        let run = run.clone();
        trials.push(Trial::test(name, move || story(&run).map_err(Into::into)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
