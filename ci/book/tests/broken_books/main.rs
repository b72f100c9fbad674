//! The verifier's second users: a small good book, and that book broken in every way that would mislead a reader.
//!
//! Each row of the table below changes the good book a little, runs `cargo book` on it, and says which words, with
//! which page and line, must come out. None may be green. Each row runs in a folder of its own, with a temporary
//! folder of its own that has to be empty afterwards, and no process may be left.

mod book;
mod table;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let listed = arguments.list;
    let good = if listed { None } else { Some(book::Good::prepare()) };
    let good = std::sync::Arc::new(good);
    let mut trials: Vec<Trial> = Vec::new();
    for case in table::cases() {
        let good = good.clone();
        trials.push(Trial::test(case.name, move || match good.as_ref() {
            Some(good) => good.check(&case).map_err(Into::into),
            None => Ok(()),
        }));
    }
    for (name, check) in table::stories() {
        let good = good.clone();
        trials.push(Trial::test(name, move || match good.as_ref() {
            Some(good) => check(good).map_err(Into::into),
            None => Ok(()),
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(good);
    conclusion.exit_code()
}
