//! Lists, watches and applies the settings of the link shortener, in the cluster and the namespace that kubectl would
//! use.

use std::process::ExitCode;

use clap::Parser;
use kube::Client;
use settings::{apply, list, watch};
use tokio::signal::unix::{SignalKind, signal};

/// Settings of the link shortener, kept in ConfigMaps.
#[derive(Parser)]
enum Command {
    /// Print the names of all ConfigMaps.
    List,
    /// Print each state of the ConfigMap `links-api` until SIGINT or SIGTERM.
    Watch,
    /// Say what the log level should be.
    Set {
        /// The level.
        level: String,
        /// Take the field from whoever owns it.
        #[arg(long)]
        force: bool,
    },
}

// ANCHOR: main
#[tokio::main]
async fn main() -> ExitCode {
    match run(Command::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", why(&error));
            ExitCode::FAILURE
        }
    }
}

// ANCHOR: run
async fn run(command: Command) -> anyhow::Result<()> {
    let client = Client::try_default().await?;
    match command {
        Command::List => {
            let names = list::names(client).await?;
            names.iter().for_each(|name| println!("{name}"));
        }
        Command::Watch => {
            let tell = |line| println!("{line}");
            watch::levels(client, tell, stopped()?).await?;
        }
        Command::Set { level, force } => {
            apply::set_level(client, &level, force).await?;
        }
    }
    Ok(())
}
// ANCHOR_END: run
// ANCHOR_END: main

/// The API server's own words, where it has some.
fn why(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(kube::Error::Api(status)) => status.message.clone(),
        _ => format!("{error:#}"),
    }
}

/// Comes with the first SIGTERM or SIGINT.
fn stopped() -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
