//! `docker inspect NAME | audit`: what a container may do and should
//! not. Ends with 1 when there is something.

use std::io::{Write, stdin, stdout};
use std::process::ExitCode;

use anyhow::Context;
use supply::audit::audit;
use supply::inspect::Container;

fn main() -> anyhow::Result<ExitCode> {
    let containers: Vec<Container> = serde_json::from_reader(stdin())
        .context(
        "standard input is not what docker inspect prints",
    )?;
    let findings: Vec<_> = containers.iter().flat_map(audit).collect();
    let mut out = stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    Ok(match findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
