//! The program of this package, as an engine starts, asks and stops it.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Longest that an answer is waited for: a kubelet waits a second.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A running `health`, ended when dropped.
pub struct Program {
    child: Child,
    /// Whoever logs into a pipe that nobody holds fails.
    _log: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Program {
    /// Starts it with `asking` or `watching` probes over a database.
    pub fn start(probes: &str, database: SocketAddr) -> Program {
        let url =
            format!("postgres://postgres:postgres@{database}/postgres");
        let mut child = Command::new(env!("CARGO_BIN_EXE_health"))
            .arg(probes)
            .env("LINKS_LISTEN", "127.0.0.1:0")
            .env("DATABASE_URL", url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("its log is a pipe");
        let mut log = BufReader::new(stdout);
        let mut line = String::new();
        log.read_line(&mut line).expect("its log can be read");
        let event: serde_json::Value =
            serde_json::from_str(&line).expect("a line of JSON");
        let address = event["address"].as_str().expect("an address");
        let address = address.parse().expect("an address");
        Program { child, _log: log, address }
    }

    /// The status with which a probe is answered; `None` when nobody
    /// answers in time.
    pub fn ask(&self, path: &str) -> Option<u16> {
        let mut stream =
            TcpStream::connect_timeout(&self.address, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: t\r\n\r\n")
            .ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        let text = std::str::from_utf8(&answer).ok()?;
        text.strip_prefix("HTTP/1.1 ")?.parse().ok()
    }

    /// Tells it to stop; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        self.child.wait().expect("it is ours").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where a test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
