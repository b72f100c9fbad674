//! `cargo book serve`: the site on this machine, built again on each change; pages reload by themselves.
//!
//! The caller's thread waits for changes and builds; [`http`] answers browsers from threads of its own. A build that
//! fails leaves the last good site where it is: the error stands in the terminal and over the page.

mod http;
mod watch;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use http::Server;
use watch::Watch;

/// Quiet for so long, a burst of changes is over: an editor's save is several events within a millisecond or two.
const QUIET: Duration = Duration::from_millis(30);

/// A burst that does not end is built at the latest after this.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the loop waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Changed,
    Stop,
}

/// Serves the book of `root` until SIGINT or SIGTERM. `rebuild` builds the site and returns its folder.
///
/// # Errors
///
/// When the port cannot be had, or the folders cannot be watched. A failing build is no error: it is shown, and the
/// next change is waited for.
pub fn serve(
    root: &Path,
    port: u16,
    hostname: &str,
    open: bool,
    rebuild: impl FnMut() -> Result<PathBuf>,
) -> Result<()> {
    let listener = listen(hostname, port)?;
    let (sender, receiver) = channel();
    stop_on_signal(sender.clone())?;
    run(root, listener, sender, &receiver, rebuild, |address| {
        let url = format!("http://{}/", shown(address));
        eprintln!("serving {url} (Ctrl-C stops)");
        if open && let Err(error) = open_browser(&url) {
            eprintln!("no browser could be opened ({error}): open {url} yourself");
        }
    })
}

fn run(
    root: &Path,
    listener: TcpListener,
    sender: Sender<Signal>,
    receiver: &Receiver<Signal>,
    mut rebuild: impl FnMut() -> Result<PathBuf>,
    ready: impl FnOnce(SocketAddr),
) -> Result<()> {
    // Watching begins before the first build, so that no change is lost in between.
    let mut watch = Watch::start(root, sender)?;
    let server = Server::start(listener)?;
    build(&server, &mut rebuild);
    ready(server.address());
    while receiver.recv()? == Signal::Changed {
        if drain(receiver)? == Signal::Stop {
            break;
        }
        watch.renew()?;
        build(&server, &mut rebuild);
    }
    server.stop();
    Ok(())
}

/// Waits for the end of a burst of changes.
fn drain(receiver: &Receiver<Signal>) -> Result<Signal> {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now()).min(QUIET);
        match receiver.recv_timeout(left) {
            Ok(Signal::Stop) => return Ok(Signal::Stop),
            Ok(Signal::Changed) if Instant::now() < end => {}
            Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => return Ok(Signal::Changed),
            Err(RecvTimeoutError::Disconnected) => bail!("nothing watches the book any more\n  fix: start again"),
        }
    }
}

fn build(server: &Server, rebuild: &mut impl FnMut() -> Result<PathBuf>) {
    let start = Instant::now();
    server.begin();
    match rebuild() {
        Ok(site) => {
            eprintln!("built in {:.2} s", start.elapsed().as_secs_f64());
            server.built(site);
        }
        Err(error) => {
            let text = format!("{error:#}");
            eprintln!("error: {text}\nthe page as it was stays; waiting for a change");
            server.failed(text);
        }
    }
}

fn listen(hostname: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((hostname, port)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "port {port} of {hostname} is in use\n  fix: end the program that uses it, or cargo book serve --port {}",
            port.checked_add(1).unwrap_or(3000)
        ),
        std::io::ErrorKind::PermissionDenied => {
            anyhow!("port {port} may not be used by you\n  fix: cargo book serve --port 3000")
        }
        _ => anyhow!("cannot listen on {hostname}, port {port}: {error}\n  fix: cargo book serve --hostname 127.0.0.1"),
    })
}

/// An address that a browser can open: one that means "all" is shown as this machine's own.
fn shown(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(unix)]
fn stop_on_signal(sender: Sender<Signal>) -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for (i, signal) in signals.forever().enumerate() {
            // A second one does not wait for a build to end.
            if i > 0 {
                std::process::exit(128 + signal);
            }
            let _ = sender.send(Signal::Stop);
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn stop_on_signal(_: Sender<Signal>) -> Result<()> {
    Ok(())
}

fn open_browser(url: &str) -> Result<()> {
    use std::process::{Command, Stdio};
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else {
        Command::new("xdg-open")
    };
    command
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(())
}

#[cfg(test)]
#[path = "serve/tests.rs"]
mod tests;
