//! What a process says about itself over HTTP, and how to ask it without
//! a shell. For programs that serve something else, or nothing at all.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

// ANCHOR: status
/// What probes are told. Shared by all clones.
#[derive(Clone, Debug)]
pub struct Status(watch::Sender<Phase>);

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It makes ready for its first work: no probe may restart it yet.
    Starting,
    /// It does its work.
    Ready,
    /// It cannot at the moment, or does not want to; and why.
    NotReady(&'static str),
}
// ANCHOR_END: status

impl Default for Status {
    fn default() -> Status {
        Status(watch::Sender::new(Phase::Starting))
    }
}

impl Status {
    /// Work is welcome. The first call ends the start.
    pub fn ready(&self) {
        self.0.send_replace(Phase::Ready);
    }

    /// Work is not welcome, for this reason. A process that has not
    /// started stays in its start.
    pub fn not_ready(&self, why: &'static str) {
        self.0.send_if_modified(|phase| {
            let started = *phase != Phase::Starting;
            if started {
                *phase = Phase::NotReady(why);
            }
            started
        });
    }

    /// Whether work is welcome.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow() == Phase::Ready
    }
}

// ANCHOR: router
/// The three probes.
pub fn router(status: Status) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(status)
}
// ANCHOR_END: router

/// The process answers: there is no reason to restart it. What it needs
/// of others does not count, or a broker's restart would restart all.
async fn livez() -> &'static str {
    "alive"
}

/// 200 while work is welcome, else 503 with the reason.
async fn readyz(
    State(status): State<Status>,
) -> (StatusCode, &'static str) {
    match *status.0.borrow() {
        Phase::Ready => (StatusCode::OK, "ready"),
        Phase::Starting => {
            (StatusCode::SERVICE_UNAVAILABLE, "starting")
        }
        Phase::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

/// 503 until the first work was welcome, and 200 for ever after.
async fn startupz(
    State(status): State<Status>,
) -> (StatusCode, &'static str) {
    match *status.0.borrow() {
        Phase::Starting => {
            (StatusCode::SERVICE_UNAVAILABLE, "starting")
        }
        _ => (StatusCode::OK, "started"),
    }
}

/// Answers probes until `stop` completes. It drains nothing, and so a
/// client that connects and says nothing holds nobody up: let `stop` be
/// the end of all other work, and the last probe still hears "not ready".
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    status: Status,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    tokio::select! {
        ended = axum::serve(listener, router(status)).into_future() => ended,
        () = stop => Ok(()),
    }
}

/// How long a probe waits, in all.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// It answers something else than 200.
    #[error("not healthy: {0}")]
    Answer(String),
    /// It cannot be asked.
    #[error("not healthy: {0}")]
    Unreachable(#[from] std::io::Error),
    /// It says nothing.
    #[error("not healthy: no answer in time")]
    Late(#[from] tokio::time::error::Elapsed),
}

// ANCHOR: ask
/// Asks the `/readyz` of a server that listens here.
///
/// # Errors
/// When the answer is not 200, or does not come within [`PATIENCE`].
pub async fn ask(listen: SocketAddr) -> Result<(), Unhealthy> {
    let answer = tokio::time::timeout(PATIENCE, get_readyz(listen));
    let text = answer.await??;
    match text.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(Unhealthy::Answer(summary(&text))),
    }
}
// ANCHOR_END: ask

/// The status without the protocol, and the body.
fn summary(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or("an empty answer");
    let status = status.trim_start_matches("HTTP/1.1 ");
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if !body.is_empty() => {
            format!("{status}: {body}")
        }
        _ => status.to_owned(),
    }
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

async fn get_readyz(listen: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(reachable(listen)).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    // A status line, a few headers and a reason: more is not read.
    stream.take(2048).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
