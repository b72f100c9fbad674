//! A target of links, for tests: it answers over https with a certificate that its own authority signed. Nobody knows
//! that authority; its certificate is the first that is printed.
//!
//! `link-target NAME ADDRESS`, as in `link-target shop 0.0.0.0:8443`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bytes of a request that are waited for.
const LONGEST_HEAD: usize = 8192;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\
    Connection: close\r\n\r\nok\n";

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "link-target NAME ADDRESS";
    let name = words.next().context(usage)?;
    let address = words.next().context(usage)?;
    let (authority, config) = certified(&name)?;
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}listening on {bound}", authority)?;
    for stream in listener.incoming() {
        // A client that leaves is no reason to end.
        if let Err(error) = answer(stream?, config.clone()) {
            eprintln!("link-target: {error}");
        }
    }
    Ok(())
}

/// The authority's certificate as PEM, and a server with one of its.
fn certified(name: &str) -> Result<(String, Arc<ServerConfig>)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new([name.to_owned()])?;
    let leaf = leaf.signed_by(&key, &issuer)?;
    let chain = vec![CertificateDer::from(leaf)];
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(chain, key.into())?;
    Ok((authority, Arc::new(config)))
}

/// Reads one request's head, and answers.
fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let tls = ServerConnection::new(config)?;
    let mut stream = StreamOwned::new(tls, stream);
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        match stream.read(&mut part)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&part[..length]),
        }
    }
    stream.write_all(ANSWER)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
