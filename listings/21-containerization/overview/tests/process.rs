//! The program, as it is started.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use overview::render::{LINKS, overview};

fn run(words: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_overview");
    Command::new(program).args(words).output().unwrap()
}

#[test]
fn every_link_has_a_line() {
    let text = overview();
    assert_eq!(text.lines().count(), LINKS);
    let first = "0000000  https://www.rust-lang.org/0\n";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn it_says_what_the_work_cost() {
    let said = String::from_utf8(run(&["2", "100"]).stdout).unwrap();
    let numbers: Vec<f64> =
        said.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [took, work, peak] = numbers[..] else { panic!("{said}") };
    assert!(took > 0.0 && work >= 0.0 && peak > 100.0, "{said}");
}

#[test]
fn what_is_no_number_is_refused() {
    assert_eq!(run(&["many", "100"]).status.code(), Some(1));
}

/// Ends the program when dropped.
struct Running(Child);

impl Running {
    /// Interrupts it, and waits for its own end.
    fn interrupt(mut self) -> ExitStatus {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is no failure.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

#[test]
fn it_serves_the_overview_and_says_what_it_used() {
    let program = env!("CARGO_BIN_EXE_overview");
    let child = Command::new(program)
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap());
    let mut line = String::new();
    let said = running.0.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let get = |path: &str| -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        let close = "Connection: close\r\n\r\n";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n{close}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let text = get("/overview").unwrap();
    assert!(text.ends_with(&overview()), "{text}");
    let used = get("/used").unwrap();
    let body = used.rsplit("\r\n").next().unwrap();
    assert_eq!(body.split(' ').count(), 2, "{used}");
    assert!(running.interrupt().success());
}
