//! `cargo book`. The same program also stands in for rustc when cargo or skeptic calls it.

use std::process::ExitCode;

fn main() -> ExitCode {
    book::run::snippets::rustc_wrapper_main()
        .or_else(book::run::tests::wrapper_main)
        .unwrap_or_else(book::cli::main)
}
