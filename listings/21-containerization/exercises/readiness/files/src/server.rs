//! The smallest HTTP that asks for a status.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::probes::Probes;

/// Answers each connection in a thread of its own, for ever.
pub fn accept(listener: &TcpListener, probes: &Arc<Probes>) {
    for stream in listener.incoming().flatten() {
        let probes = probes.clone();
        // A client that is gone is no matter of the server's.
        std::thread::spawn(move || answer(&stream, &probes));
    }
}

fn answer(mut stream: &TcpStream, probes: &Probes) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let yes = match head.split(' ').nth(1) {
        Some("/livez") => probes.is_alive(),
        Some("/readyz") => probes.is_ready(),
        _ => false,
    };
    let status = match yes {
        true => "200 OK",
        false => "503 Service Unavailable",
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n\
         Connection: close\r\nContent-Length: 0\r\n\r\n"
    )
}
