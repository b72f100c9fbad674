//! A service that needs Postgres, and the probes of it. It has no work
//! that a stop could cut off, so it knows nothing of signals.

mod postgres;
mod probes;
mod server;

use std::io::{Error, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use probes::Probes;

fn main() -> Result<()> {
    let database = database()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let probes = Arc::new(Probes::start(database));
    server::accept(&listener, &probes);
    Ok(())
}

/// Where Postgres listens: `DATABASE`, as in `127.0.0.1:5432`.
fn database() -> Result<SocketAddr> {
    let set = std::env::var("DATABASE").unwrap_or_default();
    let wrong = "DATABASE is not an address, like 127.0.0.1:5432";
    set.parse().map_err(|_| Error::other(wrong))
}
