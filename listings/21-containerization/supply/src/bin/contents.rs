//! `contents PROGRAM`: the crates that a program was made from, as a bill
//! of materials.

use std::io::{Write, stdout};

use anyhow::Context;
use supply::contents::{bill, packages};

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1);
    let path =
        path.context("which program? usage: contents PROGRAM")?;
    let program = std::fs::read(&path)
        .with_context(|| path.to_string_lossy().into_owned())?;
    let bill = bill(&packages(&program)?);
    writeln!(stdout(), "{bill:#}")?;
    Ok(())
}
