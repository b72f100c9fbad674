//! Is it alive, is it ready, and how to ask without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::App;
use crate::store::Links;

// ANCHOR: readiness
/// Whether this process wants requests. Shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Flags>);

impl Readiness {
    /// Requests are welcome, or no longer.
    pub fn set(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
        self.0.started.fetch_or(ready, Ordering::Relaxed);
    }

    /// What was set last; false at first.
    pub fn get(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }
}
// ANCHOR_END: readiness

// ANCHOR: started
#[derive(Debug, Default)]
struct Flags {
    ready: AtomicBool,
    /// Never false again.
    started: AtomicBool,
}

impl Readiness {
    /// Whether requests were ever welcome.
    pub fn has_started(&self) -> bool {
        self.0.started.load(Ordering::Relaxed)
    }
}
// ANCHOR_END: started

// ANCHOR: probes
/// The process answers: there is no reason to restart it.
pub async fn livez() -> &'static str {
    "alive"
}

/// 200 while requests are wanted, 503 before and after.
pub async fn readyz<L: Links>(
    State(app): State<App<L>>,
) -> (StatusCode, &'static str) {
    match app.readiness.get() && app.store.is_ready() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    }
}
// ANCHOR_END: probes

// ANCHOR: startup
/// 503 until it has started, then 200 for good, also while it is not
/// ready: an engine asks only once whether a start has failed.
pub async fn startupz<L: Links>(
    State(app): State<App<L>>,
) -> (StatusCode, &'static str) {
    match app.readiness.has_started() {
        true => (StatusCode::OK, "started"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    }
}
// ANCHOR_END: startup

/// How long a probe waits, in all.
const PATIENCE: Duration = Duration::from_secs(2);

// ANCHOR: ask
/// `links-api --healthcheck`: asks the server in the same container,
/// so that an image without a shell and curl can be probed too.
pub async fn ask(listen: SocketAddr) -> ExitCode {
    let answer = status_line(reachable(listen));
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(line)) if line.starts_with("HTTP/1.1 200") => {
            ExitCode::SUCCESS
        }
        Ok(Ok(line)) => unhealthy(&line),
        Ok(Err(error)) => unhealthy(&error.to_string()),
        Err(_) => unhealthy("no answer in time"),
    }
}
// ANCHOR_END: ask

fn unhealthy(why: &str) -> ExitCode {
    eprintln!("links-api: not healthy: {}", why.trim_end());
    ExitCode::FAILURE
}

/// Where a server that listens there is reached from its own machine.
/// "All addresses" is none to connect to.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => {
            Ipv4Addr::LOCALHOST.into()
        }
        IpAddr::V6(ip) if ip.is_unspecified() => {
            Ipv6Addr::LOCALHOST.into()
        }
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\n\
    Host: localhost\r\nConnection: close\r\n\r\n";

async fn status_line(server: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    // A status line and a few headers: more is not read.
    stream.take(1024).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or("an empty answer").to_owned())
}
