//! `link-check` in a graph of crates that holds more than one provider of TLS.

use std::process::ExitCode;

use rustls::crypto::ring;

// ANCHOR: main
fn main() -> anyhow::Result<ExitCode> {
    let chosen = ring::default_provider().install_default();
    chosen
        .map_err(|_| anyhow::anyhow!("TLS was set up before main"))?;
    Ok(link_check::run::run())
}
// ANCHOR_END: main
