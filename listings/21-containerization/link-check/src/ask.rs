//! One request, over TLS.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
};

use crate::target::Target;

/// How long to wait for a connection, and for each answer on it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read: its first line is in them.
const ENOUGH: u64 = 1024;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// DNS, or the file of hosts, does not know the name.
    #[error("{0} has no address: {1}")]
    Nameless(String, io::Error),
    /// Nothing listens, or nobody lets us through.
    #[error("{0} is not reached: {1}")]
    Unreachable(String, io::Error),
    /// The name cannot be that of a certificate, or TLS refused.
    #[error("{0} is not trusted: {1}")]
    Untrusted(String, rustls::Error),
    /// It broke off.
    #[error("{0} broke off: {1}")]
    BrokeOff(String, io::Error),
}

// ANCHOR: config
/// Trusts these authorities, and offers no certificate of its own.
pub fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let config = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}
// ANCHOR_END: config

// ANCHOR: status
/// The status with which the target answers a GET.
pub fn status(
    target: &Target,
    config: Arc<ClientConfig>,
) -> Result<u16, NoAnswer> {
    let Target { host, path, .. } = target;
    let broke_off = |error| told(host, error);
    let mut stream = secured(target, config)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(broke_off)?;
    let mut answer = Vec::new();
    let read = stream.take(ENOUGH).read_to_end(&mut answer);
    first_number(&answer).ok_or_else(|| {
        broke_off(
            read.err().unwrap_or(io::ErrorKind::InvalidData.into()),
        )
    })
}
// ANCHOR_END: status

/// The number in `HTTP/1.1 200 OK`.
fn first_number(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let mut words = text.lines().next()?.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// A connection on which TLS has not yet spoken.
fn secured(
    target: &Target,
    config: Arc<ClientConfig>,
) -> Result<StreamOwned<ClientConnection, TcpStream>, NoAnswer> {
    let host = &target.host;
    let untrusted = |e| NoAnswer::Untrusted(host.clone(), e);
    let name = ServerName::try_from(host.clone());
    let name = name
        .map_err(|_| untrusted(rustls::Error::UnsupportedNameType))?;
    let tls = ClientConnection::new(config, name).map_err(untrusted)?;
    Ok(StreamOwned::new(tls, connected(target)?))
}

fn connected(target: &Target) -> Result<TcpStream, NoAnswer> {
    let host = &target.host;
    let unreachable = |e| NoAnswer::Unreachable(host.clone(), e);
    let addresses = (host.as_str(), target.port).to_socket_addrs();
    let mut addresses =
        addresses.map_err(|e| NoAnswer::Nameless(host.clone(), e))?;
    let nobody = || io::Error::from(io::ErrorKind::AddrNotAvailable);
    let first =
        addresses.next().ok_or_else(|| unreachable(nobody()))?;
    let stream = TcpStream::connect_timeout(&first, PATIENCE);
    let stream = stream.map_err(unreachable)?;
    let bounded = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    bounded.map_err(unreachable)?;
    Ok(stream)
}

/// What TLS says comes wrapped into an error of the stream.
fn told(host: &str, error: io::Error) -> NoAnswer {
    let host = host.to_owned();
    match error.downcast::<rustls::Error>() {
        Ok(refused) => NoAnswer::Untrusted(host, refused),
        Err(error) => NoAnswer::BrokeOff(host, error),
    }
}
