//! Does it say no, finish, and end in time? Asked over TCP, with the
//! signal that an engine sends.

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use book_support::exercise::{
    Check, Demand, cargo, first_error, program,
};

const BUILD: Demand = Demand {
    step: "build",
    must: "compile",
    fix: "run `cargo build` in the exercise's folder and correct what it names",
};
const BEFORE: Demand = Demand {
    step: "readiness before",
    must: "be 200",
    fix: "nobody has asked for a stop yet: `is_ready` has to say yes",
};
const DURING: Demand = Demand {
    step: "readiness while it drains",
    must: "be 503",
    fix: "between SIGTERM and the end, /readyz has to be answered, with no",
};
const FINISHED: Demand = Demand {
    step: "request in flight",
    must: "be answered with 201",
    fix: "`wait` may only return when the count of requests is zero",
};
const CODE: Demand = Demand {
    step: "exit code",
    must: "be 0",
    fix: "end through `main`, and not by a panic or a signal",
};
const DEADLINE: Demand = Demand {
    step: "deadline",
    must: "end the server although a client says nothing",
    fix: "`wait` may not last longer than the time that it gets",
};
const QUICK: Demand = Demand {
    step: "readiness with 500 in flight",
    must: "be 503 within 100 ms",
    fix: "`is_ready` has to read the flag, and to wait for nothing",
};
const THOUSAND: Demand = Demand {
    step: "a thousand requests",
    must: "all be answered with 201",
    fix: "whoever has begun is answered: also those that come while it drains",
};
const TESTS: Demand = Demand {
    step: "tests",
    must: "pass",
    fix: "run `cargo test` in the exercise's folder",
};

/// Longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Requests that are in flight when the signal comes, and as many
/// that come after it.
const REQUESTS: usize = 500;
/// Longest until an engine has to hear of it.
const SOON: Duration = Duration::from_millis(100);
/// How often something is looked at that will change.
const EVERY: Duration = Duration::from_millis(10);

#[test]
fn check() {
    let check = Check::begin();
    let built = cargo(check.folder(), &["build", "--quiet"]);
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    let compiled = built.status.success();
    let seen = match compiled {
        true => "compiles".to_owned(),
        false => first_error(&said),
    };
    check.need(&BUILD, seen, compiled);

    let mut server = Server::start("10000");
    let ready = server.readiness();
    check.demand(&BEFORE, &ready, ready == "200");
    let mut request = server.begin();
    server.terminate();
    let ready = server.readiness_while_it_drains();
    check.need(&DURING, &ready, ready == "503");
    let answer = finish(&mut request);
    check.demand(&FINISHED, &answer, answer == "201");
    let code = server.end();
    check.demand(&CODE, &code, code == "0");

    let mut server = Server::start("10000");
    let requests: Vec<_> =
        (0..REQUESTS).map(|_| server.try_begin()).collect();
    server.terminate();
    let told = Instant::now();
    let mut ready = server.readiness();
    while ready == "200" && told.elapsed() < LIMIT / 5 {
        ready = server.readiness();
    }
    let soon = told.elapsed() < SOON;
    let seen = match soon {
        true => ready.clone(),
        false => format!("{ready}, and late"),
    };
    check.demand(&QUICK, seen, soon && ready == "503");
    let answered = |begun: Result<TcpStream, Error>| {
        begun.is_ok_and(|mut request| finish(&mut request) == "201")
    };
    // Those that come later one by one: a shell may allow a thousand
    // open files and no more.
    let later = (0..REQUESTS).map(|_| answered(server.try_begin()));
    let later = later.filter(|answered| *answered).count();
    let held = requests.into_iter().map(answered);
    let answered = later + held.filter(|answered| *answered).count();
    let seen = format!("{answered} of {}", 2 * REQUESTS);
    check.demand(&THOUSAND, seen, answered == 2 * REQUESTS);
    let code = server.end();
    check.demand(&CODE, &code, code == "0");

    let mut server = Server::start("200");
    let _silent = server.begin();
    server.terminate();
    let code = server.end();
    let seen = match code.as_str() {
        "none" => "still running".to_owned(),
        code => format!("ended with {code}"),
    };
    check.demand(&DEADLINE, seen, code == "0");
    drop(server);

    let tests = cargo(check.folder(), &["test", "--quiet"]);
    let said = [tests.stdout, tests.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let failed = said.lines().find(|l| l.contains("panicked at"));
    let passed = tests.status.success();
    check.demand(&TESTS, failed.unwrap_or("pass"), passed);
    check.end();
}

/// The reader's program, ended when dropped.
struct Server {
    child: Child,
    /// Whoever prints into a pipe that nobody holds panics.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(drain_milliseconds: &str) -> Server {
        let mut child = Command::new(program("ready-until-told"))
            .env("DRAIN_MILLISECONDS", drain_milliseconds)
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

    /// The status of /readyz, or that there is no answer.
    fn readiness(&self) -> String {
        let asked = self.connect().and_then(|mut stream| {
            stream.write_all(
                b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
            )?;
            status(&mut stream)
        });
        asked.unwrap_or_else(|error| format!("no answer: {error}"))
    }

    /// The same of a server that was told to stop: once it says another
    /// thing than before, and a moment after that, as one that does not
    /// wait may say no and be gone.
    fn readiness_while_it_drains(&mut self) -> String {
        let start = Instant::now();
        while self.readiness() == "200" && start.elapsed() < LIMIT / 5 {
            std::thread::park_timeout(EVERY);
        }
        self.ended_within(LIMIT / 20);
        self.readiness()
    }

    /// A request that the server has begun to answer.
    fn begin(&self) -> TcpStream {
        self.try_begin().expect("the server begins with a request")
    }

    /// The same, of one that may be gone.
    fn try_begin(&self) -> Result<TcpStream, Error> {
        self.connect().and_then(|mut stream| {
            stream.write_all(
                b"POST /links HTTP/1.1\r\nHost: a\r\n\
                  Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
            )?;
            status(&mut stream).map(|_| stream)
        })
    }

    fn connect(&self) -> Result<TcpStream, Error> {
        let stream = TcpStream::connect_timeout(&self.address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill works"
        );
    }

    /// The exit code, or `none` when it did not end.
    fn end(&mut self) -> String {
        match self.ended_within(LIMIT) {
            Some(status) => match status.code() {
                Some(code) => code.to_string(),
                None => "a signal".to_owned(),
            },
            None => "none".to_owned(),
        }
    }

    fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("it is ours");
            if ended.is_some() || start.elapsed() > limit {
                return ended;
            }
            std::thread::park_timeout(EVERY);
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

/// Sends the byte that the request waits for; the status of its answer.
fn finish(request: &mut TcpStream) -> String {
    let answer = request.write_all(b"x").and_then(|()| status(request));
    answer.unwrap_or_else(|error| format!("no answer: {error}"))
}

/// The status of the next answer, whose head is read to its end.
fn status(stream: &mut TcpStream) -> Result<String, Error> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split_whitespace().nth(1);
    Ok(status.unwrap_or("no status").to_owned())
}
