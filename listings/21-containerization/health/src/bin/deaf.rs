//! A server that knows nothing of signals.

use std::io::{Read, Result, Write};
use std::net::TcpListener;

// ANCHOR: deaf
/// Answers one client after another, for ever.
pub fn serve(listener: &TcpListener) -> Result<()> {
    for stream in listener.incoming() {
        let mut stream = stream?;
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
    Ok(())
}
// ANCHOR_END: deaf

fn main() -> Result<()> {
    serve(&TcpListener::bind("0.0.0.0:8080")?)
}
