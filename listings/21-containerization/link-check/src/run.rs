//! The program, without the choice of a provider: see the two files that have a `main`.

use std::process::ExitCode;

use crate::target::Target;
use crate::{ask, authorities};

/// The exit codes of BSD's `sysexits.h` for a call and for a
/// configuration that cannot be used.
const EX_USAGE: u8 = 64;
const EX_CONFIG: u8 = 78;

// ANCHOR: run
/// Asks the target that the command line names, or LINK_CHECK_URL.
pub fn run() -> ExitCode {
    let roots = match authorities::load() {
        Ok(roots) => roots,
        Err(error) => return ended(EX_CONFIG, &error),
    };
    let named = std::env::args().nth(1);
    let named = named.or_else(|| std::env::var("LINK_CHECK_URL").ok());
    let named = named.unwrap_or_default();
    let target: Target = match named.parse() {
        Ok(target) => target,
        Err(error) => return ended(EX_USAGE, &error),
    };
    match ask::status(&target, ask::config(roots)) {
        Ok(status) => ended(0, &format!("{named} says {status}")),
        Err(error) => ended(1, &error),
    }
}
// ANCHOR_END: run

fn ended(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("link-check: {why}");
    ExitCode::from(code)
}
