//! The `links-api` program: reads its configuration, then serves until it is told to stop.
//!
//! Everything that can be tested lives in the library; this file only puts it together.

use std::process::ExitCode;

use links_api::config::{Config, Environment};
use links_api::{health, logs, server, shutdown};
use tokio::net::TcpListener;

/// The exit code of BSD's `sysexits.h` for a configuration that cannot be used.
const EX_CONFIG: u8 = 78;

// ANCHOR: main
#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::read(&Environment::of_process()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("links-api: {error}");
            return ExitCode::from(EX_CONFIG);
        }
    };
    if std::env::args().any(|arg| arg == "--healthcheck") {
        return health::ask(config.listen).await;
    }
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "links-api ends");
            ExitCode::FAILURE
        }
    }
}
// ANCHOR_END: main

// ANCHOR: run
async fn run(config: Config) -> std::io::Result<()> {
    logs::init(config.log);
    let stop = shutdown::requested()?;
    let listener = TcpListener::bind(config.listen).await?;
    server::run(listener, config, stop).await
}
// ANCHOR_END: run
