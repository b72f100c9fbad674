//! A load on a server of our own: a few connections, each sending one request after another, for a bounded time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a load was.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Requests that were answered.
    pub answered: f64,
    /// From the first to the last.
    pub took: Duration,
}

/// Sends requests over so many connections at once.
///
/// # Errors
/// When the address is none of this machine's own, when a connection
/// breaks, or an answer is not 200.
pub fn run(
    server: SocketAddr,
    path: &str,
    connections: usize,
    time: Duration,
) -> io::Result<Load> {
    if !server.ip().is_loopback() {
        return Err(io::Error::other(
            "a load is for this machine only",
        ));
    }
    let start = Instant::now();
    let one = || -> io::Result<u32> {
        let mut connection = Connection::to(server)?;
        let mut answered = 0;
        while start.elapsed() < time {
            connection.get(path)?;
            answered += 1;
        }
        Ok(answered)
    };
    let answered: io::Result<u32> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..connections).map(|_| scope.spawn(one)).collect();
        all.into_iter()
            .map(|c| {
                c.join().unwrap_or(Err(io::ErrorKind::Other.into()))
            })
            .sum()
    });
    let answered = f64::from(answered?);
    Ok(Load { answered, took: start.elapsed() })
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn to(server: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// The body of a 200 that says how long it is.
    fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!("answered {line:?}")));
        }
        while line != "\r\n" {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let named = line.strip_prefix("content-length: ");
            length =
                named.and_then(|n| n.trim().parse().ok()).or(length);
        }
        let nothing = || io::Error::other("no content-length");
        let mut body = vec![0; length.ok_or_else(nothing)?];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that gives the same answer to each request it reads.
    fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut head = [0; 256];
                    while stream.read(&mut head).is_ok_and(|n| n > 0) {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                });
            }
        });
        address
    }

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn answers_are_counted() {
        let server =
            server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let load = run(server, "/", 2, SHORT).unwrap();
        assert!(load.answered > 0.0 && load.took >= SHORT);
    }

    #[test]
    fn another_status_and_another_machine_are_errors() {
        let server = server("HTTP/1.1 503 No\r\n\r\n");
        assert!(run(server, "/", 1, SHORT).is_err());
        let elsewhere = "192.0.2.1:80".parse().unwrap();
        assert!(run(elsewhere, "/", 1, SHORT).is_err());
    }
}
