//! Runs the controller in the namespace that it lives in.

use kube::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};
use webapp_operator::controller;

// ANCHOR: main
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().flatten_event(true).init();
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let client = Client::try_default().await?;
    let namespace = client.default_namespace().to_owned();
    tracing::info!(namespace, "watching");
    controller::run(client, &namespace, first(terminate, interrupt))
        .await;
    tracing::info!("stopped");
    Ok(())
}
// ANCHOR_END: main

async fn first(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
