//! A server that knows nothing of signals.

use std::io::{Read, Result, Write};
use std::net::TcpListener;

// ANCHOR: deaf
/// Answers one client after another, for ever.
pub fn serve(listener: &TcpListener) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
// ANCHOR_END: deaf

fn main() -> Result<()> {
    serve(&TcpListener::bind("0.0.0.0:8080")?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn one_client_after_another_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the process, as it does in a container.
        std::thread::spawn(move || serve(&listener));
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        }
    }
}
