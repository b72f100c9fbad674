//! Reads the report of a build from standard input, and says which steps ran.

use std::io::{Write, stdin, stdout};

use anyhow::Context;
use caching::Steps;

// ANCHOR: main
fn main() -> anyhow::Result<()> {
    let fix = "build with --progress=rawjson 2>&1";
    let steps = Steps::read(stdin().lock()).context(fix)?;
    stdout().write_all(steps.lines().as_bytes())?;
    Ok(())
}
// ANCHOR_END: main
