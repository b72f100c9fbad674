//! `health asking` or `health watching`: a program that has only probes.

use anyhow::{Context, bail};
use health::{asking, watching};
use links_api::config::{Config, Environment};
use links_api::{logs, shutdown};
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::read(&Environment::of_process())?;
    logs::init(config.log);
    let stop = shutdown::requested()?;
    // ANCHOR: main
    let url = std::env::var("DATABASE_URL")
        .context("DATABASE_URL names the database")?;
    // Connects when it is first used: the program starts without it.
    let database =
        PgPoolOptions::new().max_connections(4).connect_lazy(&url)?;
    let probes = match std::env::args().nth(1).as_deref() {
        Some("asking") => asking::router(database),
        Some("watching") => watching::router(database),
        _ => bail!("say which probes: asking, or watching"),
    };
    // ANCHOR_END: main
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Probes are no work: there is nothing to drain.
    tokio::select! {
        ended = axum::serve(listener, probes).into_future() => ended?,
        () = stop => {}
    }
    Ok(())
}
