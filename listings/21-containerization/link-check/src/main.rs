//! The `link-check` program: `link-check https://docs.rs/`.

use std::process::ExitCode;

// ANCHOR: main
fn main() -> ExitCode {
    link_check::run::run()
}
// ANCHOR_END: main
