//! How a stop is asked for: SIGTERM from an engine or a kubelet, SIGINT from a terminal.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

// ANCHOR: requested
/// Completes at the first SIGTERM or SIGINT. The handlers are there
/// when this function comes back.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        let signal = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        };
        tracing::info!(signal, "stop requested");
    })
}
// ANCHOR_END: requested
