// ANCHOR: imports
//! Follows a short link.

use anyhow::Context;
use first_trace::{resolve, telemetry};
// ANCHOR_END: imports

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let code = std::env::args().nth(1).context("name a link")?;
    let provider = telemetry::provider()?;
    telemetry::install(&provider)?;
    let target = resolve::follow(&code).await;
    telemetry::flush(&provider);
    println!("{}", target?);
    Ok(())
}
