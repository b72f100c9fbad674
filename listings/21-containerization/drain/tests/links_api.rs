//! One stop of the model, and the same stop of the real program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use drain::stop::{Outcome, Request, Settings};

/// As an operator sets them: no hook, a lag that hides nothing.
const SETTINGS: Settings =
    Settings { lag: 20, hold: 0, drain: 2, grace: 20 };

/// `links-api`, ended also when the test panics.
struct Program {
    child: Child,
    log: BufReader<ChildStdout>,
    address: String,
}

impl Program {
    fn start() -> Program {
        let mut child =
            Command::new(book_support::program("links-api"))
                .env("LINKS_LISTEN", "127.0.0.1:0")
                .env("LINKS_DRAIN_SECONDS", SETTINGS.drain.to_string())
                .env("LINKS_REQUEST_SECONDS", "600")
                .stdout(Stdio::piped())
                .spawn()
                .expect("links-api starts");
        let stdout = child.stdout.take().expect("its log");
        let mut log = BufReader::new(stdout);
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap();
        let address = event["address"].as_str().unwrap().to_owned();
        Program { child, log, address }
    }

    /// A request that the program works on, and waits for the end of.
    fn begin(&self) -> Begun {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "POST /links HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            BODY.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
        stream.read_exact(&mut go_on).unwrap();
        Begun(stream)
    }

    /// Sends SIGTERM and waits until nobody listens.
    fn stop(&self) {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.unwrap().success());
        while TcpStream::connect(&self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// A request from its beginning on.
    fn ask(&self) -> Outcome {
        match TcpStream::connect(&self.address) {
            Ok(_) => self.begin().finish(),
            Err(_) => Outcome::Refused,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BODY: &str = r#"{"target":"https://www.rust-lang.org"}"#;

/// A request in flight.
struct Begun(TcpStream);

impl Begun {
    fn finish(mut self) -> Outcome {
        self.0.write_all(BODY.as_bytes()).unwrap();
        self.end()
    }

    /// What comes, until the program closes the connection.
    fn end(mut self) -> Outcome {
        let mut line = String::new();
        let mut answer = BufReader::new(&mut self.0);
        match answer.read_line(&mut line) {
            Ok(1..) if line.starts_with("HTTP/1.1 201") => {
                Outcome::Served
            }
            Ok(0) | Err(_) => Outcome::CutOff,
            Ok(_) => panic!("{line}"),
        }
    }
}

#[test]
fn links_api_stops_as_the_model_says() {
    // The stop is at second 10; what is in flight then began before.
    let requests = [
        ("answered before the stop", Request { at: 1, takes: 1 }),
        ("in flight, then finished", Request { at: 9, takes: 2 }),
        ("in flight, never finished", Request { at: 9, takes: 60 }),
        ("comes after SIGTERM", Request { at: 11, takes: 1 }),
    ];
    let times = SETTINGS.times(10);
    let model = requests.map(|(_, request)| times.outcome(request));

    let mut program = Program::start();
    let before = program.ask();
    let finished = program.begin();
    let unfinished = program.begin();
    program.stop();
    let after = program.ask();
    let finished = finished.finish();
    let unfinished = unfinished.end();
    let real = [before, finished, unfinished, after];

    let status = program.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let mut log = String::new();
    program.log.read_to_string(&mut log).unwrap();
    assert!(log.contains("drain deadline passed"), "{log}");

    assert_eq!(real, model);
    let mut table = format!("{:27}{:9}links-api\n", "request", "model");
    for (i, (what, _)) in requests.iter().enumerate() {
        let (model, real) =
            (format!("{:?}", model[i]), format!("{:?}", real[i]));
        table += &format!("{what:27}{model:9}{real}\n");
    }
    book_support::captured(
        "listings/21-containerization/drain/captured/links-api.txt",
        &table,
    );
}
