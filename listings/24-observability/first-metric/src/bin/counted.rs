//! links-api with metrics.

use first_metric::{api, server};
use links_api::api::App;
use links_api::config::{Config, Environment};
use links_api::{logs, shutdown};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::read(&Environment::of_process())?;
    logs::init(config.log);
    let stop = shutdown::requested()?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "ready");
    let links = App::default();
    links.readiness.set(true);
    // ANCHOR: router
    let router = api::router(links);
    // ANCHOR_END: router
    server::run(listener, router, config.drain, stop).await?;
    Ok(())
}
