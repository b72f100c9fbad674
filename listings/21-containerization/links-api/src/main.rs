//! The `links-api` program: reads its configuration, then serves until it is told to stop.
//!
//! Everything that can be tested lives in the library; this file only puts it together.

use std::process::ExitCode;

use links_api::config::{Config, Environment};
use links_api::store::Store;
use links_api::{health, logs, server, shutdown};
use tokio::net::TcpListener;

/// The exit codes of BSD's `sysexits.h` for a call and for a
/// configuration that cannot be used.
const EX_USAGE: u8 = 64;
const EX_CONFIG: u8 = 78;

// ANCHOR: main
#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::read(&Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return refused(EX_CONFIG, &error),
    };
    let flags: Vec<_> = std::env::args_os().skip(1).collect();
    match flags.as_slice() {
        [] => serve(config).await,
        [flag] if flag == "--healthcheck" => {
            health::ask(config.listen).await
        }
        _ => refused(EX_USAGE, &"the one flag is --healthcheck"),
    }
}
// ANCHOR_END: main

fn refused(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("links-api: {why}");
    ExitCode::from(code)
}

async fn serve(config: Config) -> ExitCode {
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "links-api ends");
            ExitCode::FAILURE
        }
    }
}

// ANCHOR: run
async fn run(config: Config) -> std::io::Result<()> {
    logs::init(config.log);
    let stop = shutdown::requested()?;
    let listener = TcpListener::bind(config.listen).await?;
    server::run(listener, config, Store::default(), stop).await
}
// ANCHOR_END: run
