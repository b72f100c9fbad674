//! Do the probes tell the truth when Postgres hangs? Asked with a real
//! one, which is frozen and goes on.

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use book_support::engines::{POSTGRES, postgres};
use book_support::exercise::{Check, Demand, cargo, first_error};
use book_support::faults::{Cut, Faults};

const BUILD: Demand = Demand {
    step: "build",
    must: "compile",
    fix: "run `cargo build` in the exercise's folder and correct what it names",
};
const READY: Demand = Demand {
    step: "readiness with a database",
    must: "be 200",
    fix: "Postgres answers: `is_ready` has to say so within a few seconds",
};
const ALIVE: Demand = Demand {
    step: "liveness while it hangs",
    must: "be 200",
    fix: "the process is well, whatever its database is: `is_alive` needs nothing",
};
const HANGS: Demand = Demand {
    step: "readiness while it hangs",
    must: "be 503 in less than a second",
    fix: "let a thread look at the database, and let an old answer be none",
};
const AGAIN: Demand = Demand {
    step: "readiness when it goes on",
    must: "be 200 again",
    fix: "go on looking, also after a look that failed",
};
const COST: Demand = Demand {
    step: "cost of 300 questions",
    must: "be few connections to Postgres",
    fix: "a question has to read what is known, and connect to nothing",
};
const ABSENT: Demand = Demand {
    step: "without a database",
    must: "be alive, and not ready",
    fix: "who has never seen Postgres answer is not ready",
};

/// Longest that one question may take, as a kubelet has it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest that something may take which has to come.
const LIMIT: Duration = Duration::from_secs(20);
/// What clients ask while connections are counted.
const QUESTIONS: usize = 300;
/// What a thread that looks every few moments makes meanwhile.
const CONNECTIONS: usize = 100;

#[test]
fn check() {
    let check = Check::begin();
    // In a target folder of its own: several folders are checked at
    // once, and each builds a program of the same name.
    let target = check.folder().join("target");
    let into = target.to_string_lossy().into_owned();
    let build = ["build", "--quiet", "--target-dir", &into];
    let built = cargo(check.folder(), &build);
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    let compiled = built.status.success();
    let seen = match compiled {
        true => "compiles".to_owned(),
        false => first_error(&said),
    };
    check.need(&BUILD, seen, compiled);

    let database = postgres();
    let connections = Arc::new(AtomicUsize::new(0));
    let address = database.address(POSTGRES);
    let counted = connections.clone();
    let line = Cut::before_what(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(address)
    });
    let program = target.join("debug/readiness");
    let server = Server::start(&program, line.address());
    let ready = server.becomes("200", LIMIT);
    check.need(&READY, &ready, ready == "200");

    let paused = database.pause();
    let start = Instant::now();
    let ready = server.becomes("503", PATIENCE);
    let quick = start.elapsed() < PATIENCE;
    let alive = server.ask("/livez");
    check.demand(&ALIVE, &alive, alive == "200");
    let seen = match (ready.as_str(), quick) {
        ("503", false) => "503, and too late",
        (seen, _) => seen,
    };
    check.demand(&HANGS, seen, ready == "503" && quick);
    paused.undo();
    let ready = server.becomes("200", LIMIT);
    check.demand(&AGAIN, &ready, ready == "200");

    let before = connections.load(Ordering::Relaxed);
    for _ in 0..QUESTIONS {
        server.ask("/readyz");
    }
    let made = connections.load(Ordering::Relaxed) - before;
    let seen = format!("{made} connections");
    check.demand(&COST, seen, made < CONNECTIONS);
    drop(server);

    let server = Server::start(&program, nobody());
    let (alive, ready) = (server.ask("/livez"), server.ask("/readyz"));
    let seen = format!("livez {alive}, readyz {ready}");
    let right = alive == "200" && ready == "503";
    check.demand(&ABSENT, seen, right);
    check.end();
}

/// Where nobody listens.
fn nobody() -> SocketAddr {
    let listener =
        TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address")
}

/// The reader's program, ended when dropped.
struct Server {
    child: Child,
    /// Whoever prints into a pipe that nobody holds panics.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(program: &Path, database: SocketAddr) -> Server {
        let mut child = Command::new(program)
            .env("DATABASE", database.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what was built starts");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        output.read_line(&mut line).expect("its output can be read");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|text| text.parse().ok());
        let address = address.expect("it says where it listens");
        Server { child, _output: output, address }
    }

    /// The status of a probe, or that there is no answer in time.
    fn ask(&self, path: &str) -> String {
        let asked = || {
            let mut stream =
                TcpStream::connect_timeout(&self.address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")?;
            let mut line = [0; 12];
            stream.read_exact(&mut line)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            Ok::<_, Error>(
                line.trim_start_matches("HTTP/1.1 ").to_owned(),
            )
        };
        asked().unwrap_or_else(|_| "no answer".to_owned())
    }

    /// What readiness says, once it is this or time is up.
    fn becomes(&self, wanted: &str, limit: Duration) -> String {
        let start = Instant::now();
        loop {
            let seen = self.ask("/readyz");
            if seen == wanted || start.elapsed() > limit {
                return seen;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended needs neither.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
