//! links-api with a counter that grows without a bound.

use first_metric::{by_path, server};
use links_api::api::App;
use links_api::config::{Config, Environment};
use links_api::{logs, shutdown};
use tokio::net::TcpListener;

// ANCHOR: main
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::read(&Environment::of_process())?;
    logs::init(config.log);
    let stop = shutdown::requested()?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "ready");
    let links = App::default();
    links.readiness.set(true);
    let router = by_path::router(links);
    server::run(listener, router, config.drain, stop).await?;
    Ok(())
}
// ANCHOR_END: main
