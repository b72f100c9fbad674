//! How a stop is asked for: SIGTERM from an engine or a kubelet, SIGINT
//! from a terminal.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

// ANCHOR: requested
/// Completes at the first SIGTERM or SIGINT.
///
/// The handlers are there when this function returns: a signal that
/// comes before the future is polled is not lost.
///
/// # Errors
/// When the system lets no handler be set, or outside a runtime.
pub fn requested()
-> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stop requested");
    })
}
// ANCHOR_END: requested
