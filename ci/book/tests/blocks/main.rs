//! Blocks that are run straight from a page: Rust by skeptic, shell sessions by bash.
//!
//! The program under test starts itself again in other roles, so this test has a `main` of its own that gives way to
//! them, as `cargo book` does.

mod console;
mod snippets;

use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};

/// The verifier's own folder; one for these tests, so that the book's evidence is left alone.
const WORK: &str = "BOOK_WORK";

fn main() -> ExitCode {
    if let Some(code) = book::run::snippets::rustc_wrapper_main() {
        return code;
    }
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("blocks");
    if std::env::var_os(WORK).as_deref() != Some(work.as_os_str()) {
        let again = std::env::current_exe().and_then(|own| {
            Command::new(own)
                .args(std::env::args_os().skip(1))
                .env(WORK, work)
                .env_remove("BOOK_ROLE")
                .status()
        });
        return match again {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    if std::env::var_os(console::LESSON).is_some() {
        return console::lesson();
    }
    let trials: Vec<Trial> = console::trials().into_iter().chain(snippets::trials()).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
