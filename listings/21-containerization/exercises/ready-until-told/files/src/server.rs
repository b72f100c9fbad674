//! The smallest HTTP that an engine and a client can talk to.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::drain::Drain;

/// Answers each connection in a thread of its own, for ever.
pub fn accept(listener: &TcpListener, drain: &Arc<Drain>) {
    for stream in listener.incoming().flatten() {
        let drain = drain.clone();
        // A client that is gone is no matter of the server's.
        std::thread::spawn(move || answer(&stream, &drain));
    }
}

fn answer(mut stream: &TcpStream, drain: &Drain) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    if head.starts_with("GET /readyz ") {
        // A probe is no work: it is not counted.
        let status = match drain.is_ready() {
            true => "200 OK",
            false => "503 Service Unavailable",
        };
        return respond(stream, status);
    }
    let request = drain.begin();
    // The client hears that its request has begun, then sends a byte.
    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    reader.read_exact(&mut [0])?;
    respond(stream, "201 Created")?;
    drop(request);
    Ok(())
}

fn respond(mut stream: &TcpStream, status: &str) -> Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\n\
         Connection: close\r\nContent-Length: 0\r\n\r\n"
    )?;
    stream.flush()
}
