//! The `clicks` program: reads its configuration, then counts until it
//! is told to stop.
//!
//! Everything that can be tested lives in the library; this file only
//! puts it together.

use std::process::ExitCode;

use anyhow::Context;
use clicks::config::Config;
use clicks::counts::Counts;
use clicks::server;
use service::config::Environment;
use service::program::{Call, EX_CONFIG, EX_USAGE, refused};
use service::{probes, shutdown, telemetry};
use tokio::net::TcpListener;

const NAME: &str = "clicks";

// ANCHOR: main
#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::read(&Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return refused(NAME, EX_CONFIG, &error),
    };
    match Call::read(std::env::args_os().skip(1)) {
        Ok(Call::Serve) => serve(config).await,
        Ok(Call::Healthcheck) => healthcheck(config).await,
        Err(error) => refused(NAME, EX_USAGE, &error),
    }
}
// ANCHOR_END: main

async fn healthcheck(config: Config) -> ExitCode {
    match probes::ask(config.listen.0).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(NAME, 1, &error),
    }
}

async fn serve(config: Config) -> ExitCode {
    let telemetry = match telemetry::start(NAME, &config.telemetry()) {
        Ok(telemetry) => telemetry,
        Err(error) => return refused(NAME, EX_CONFIG, &error),
    };
    let outcome = run(config).await;
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "clicks ends");
    }
    telemetry.flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

// ANCHOR: run
async fn run(config: Config) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    let listen = config.listen.0;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let counts = Counts::new(config.database_url.clone());
    server::run(listener, config, counts, stop).await?;
    Ok(())
}
// ANCHOR_END: run
