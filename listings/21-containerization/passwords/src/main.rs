//! The `passwords` program: hashes passwords until it is told to stop.

use std::future::Future;

use passwords::{App, router};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

// ANCHOR: main
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().flatten_event(true).init();
    let stop = requested()?;
    let listen = std::env::var("PASSWORDS_LISTEN");
    let listen = listen.as_deref().unwrap_or("0.0.0.0:8080");
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "ready");
    axum::serve(listener, router(App::default()))
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}
// ANCHOR_END: main

/// Completes at the first SIGTERM or SIGINT.
fn requested() -> std::io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}
