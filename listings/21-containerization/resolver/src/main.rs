//! The `resolver` program: reads its configuration, then serves until it
//! is told to stop.
//!
//! Everything that can be tested lives in the library; this file only
//! puts it together.

use std::process::ExitCode;

use anyhow::Context;
use resolver::settings::Settings;
use resolver::store::Store;
use resolver::{server, transport};
use service::config::Environment;
use service::program::{Call, EX_CONFIG, EX_USAGE, refused};
use service::{shutdown, telemetry};
use tokio::net::TcpListener;

const NAME: &str = "resolver";

// ANCHOR: main
#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::read(&Environment::of_process()) {
        Ok(settings) => settings,
        Err(error) => return refused(NAME, EX_CONFIG, &error),
    };
    match Call::read(std::env::args_os().skip(1)) {
        Ok(Call::Serve) => serve(settings).await,
        Ok(Call::Healthcheck) => healthcheck(settings).await,
        Err(error) => refused(NAME, EX_USAGE, &error),
    }
}
// ANCHOR_END: main

async fn healthcheck(settings: Settings) -> ExitCode {
    match transport::ask(settings.listen.0).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(NAME, 1, &error),
    }
}

async fn serve(settings: Settings) -> ExitCode {
    let telemetry = match telemetry::start(NAME, &settings.telemetry())
    {
        Ok(telemetry) => telemetry,
        Err(error) => return refused(NAME, EX_CONFIG, &error),
    };
    let outcome = run(settings).await;
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "resolver ends");
    }
    telemetry.flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

// ANCHOR: run
async fn run(settings: Settings) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    let listen = settings.listen.0;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let store = Store::new(&settings);
    server::run(listener, settings, store, stop).await?;
    Ok(())
}
// ANCHOR_END: run
