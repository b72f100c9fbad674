//! A server that is told to stop by SIGTERM, as an engine does.

mod drain;
mod server;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use drain::Drain;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> std::io::Result<ExitCode> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let drain = Arc::new(Drain::default());
    let shared = drain.clone();
    std::thread::spawn(move || server::accept(&listener, &shared));

    signals.forever().next();
    drain.stop();
    let cut_off = drain.wait(longest());
    println!("stopped, {cut_off} requests cut off");
    Ok(ExitCode::SUCCESS)
}

/// How long the drain may last.
fn longest() -> Duration {
    let set = std::env::var("DRAIN_MILLISECONDS").ok();
    let set = set.and_then(|text| text.parse().ok());
    Duration::from_millis(set.unwrap_or(10_000))
}
