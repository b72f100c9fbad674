//! A whole process: its logs, its spans, its end by a signal. Each test
//! starts this test program once more, as the program under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use service::telemetry::{self, Settings};
use service::{program, shutdown};
use tracing::Level;

/// Set for the program under test; the collector, or nothing.
const COLLECTOR: &str = "SERVICE_TEST_COLLECTOR";

/// Connections that a collector breaks before it is ready.
const LATE: usize = 5;

/// Longest that spans may take to such a collector.
const BUDGET: Duration = Duration::from_secs(30);

/// What a service does, in small: work, wait for a stop, flush.
#[test]
fn the_program() {
    let Ok(collector) = std::env::var(COLLECTOR) else { return };
    let otlp = (!collector.is_empty()).then_some(collector);
    let settings = Settings { log: Default::default(), otlp };
    let running = telemetry::start("clicks", &settings).unwrap();
    let again = telemetry::start("clicks", &settings).unwrap_err();
    assert_eq!(again.to_string(), "telemetry runs already");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stop = shutdown::requested().unwrap();
        // A library asks whether somebody listens, and then says nothing.
        let heard = tracing::enabled!(target: "sqlx", Level::WARN);
        assert!(heard);
        let span = tracing::info_span!(target: "clicks", "count");
        let parent = "00-0af7651916cd43dd8448eb211c80319c-\
                      b7ad6b7169203331-01";
        telemetry::continues(&span, parent);
        span.in_scope(|| {
            let next = telemetry::traceparent();
            tracing::info!(target: "clicks", next, code = "VcdWRhe", "counted");
            tracing::info!(target: "sqlx::query", "not for people");
            tracing::warn!(target: "lapin", "for people");
        });
        drop(span);
        stop.await;
    });
    running.flush();
}

fn start(collector: &str) -> (Child, BufReader<ChildStdout>) {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["--exact", "the_program", "--nocapture"])
        .env(COLLECTOR, collector)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stdout.take().unwrap());
    (child, log)
}

/// The next line of the log; what the test harness prints is none.
fn event(log: &mut impl BufRead) -> serde_json::Value {
    let mut line = String::new();
    while !line.starts_with('{') {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0);
    }
    serde_json::from_str(&line).unwrap()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn logs_are_json_and_leave_out_what_libraries_chat() {
    for name in ["TERM", "INT"] {
        let (mut child, mut log) = start("");
        let counted = event(&mut log);
        assert_eq!(counted["message"], "counted");
        assert_eq!(counted["code"], "VcdWRhe");
        assert_eq!(counted["span"]["name"], "count");
        // Spans go nowhere, and nothing is to be continued.
        assert_eq!(counted.get("next"), None);
        assert_eq!(event(&mut log)["message"], "for people");
        signal(&child, name);
        assert_eq!(event(&mut log)["signal"], format!("SIG{name}"));
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn spans_reach_the_collector_before_the_program_ends() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let (mut child, mut log) = start(&format!("http://{address}/"));
    let counted = event(&mut log);
    let next = counted["next"].as_str().unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-";
    assert!(next.starts_with(trace), "{next}");
    event(&mut log);
    signal(&child, "TERM");
    let sent = received(&collector);
    assert!(sent.starts_with("POST /v1/traces HTTP/1.1"), "{sent}");
    for word in ["service.name", "clicks", "count", "VcdWRhe"] {
        assert!(sent.contains(word), "{word}: {sent}");
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn spans_wait_for_a_collector_that_is_late() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let (mut child, mut log) = start(&format!("http://{address}"));
    event(&mut log);
    event(&mut log);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Somebody is there, and breaks each connection.
        for _ in 0..LATE {
            drop(collector.accept().unwrap());
        }
        tell.send(received(&collector)).unwrap();
    });
    let sent = told.recv_timeout(BUDGET).expect("the spans came");
    assert!(sent.contains("VcdWRhe"), "{sent}");
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_collector_that_hangs_costs_a_second_and_a_warning() {
    // Accepts into its backlog and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let (mut child, mut log) = start(&format!("http://{address}"));
    event(&mut log);
    event(&mut log);
    let begin = Instant::now();
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("spans are lost"), "{rest}");
}

/// One request, answered with yes.
fn received(collector: &TcpListener) -> String {
    let (stream, _) = collector.accept().unwrap();
    let mut bytes = Vec::new();
    let mut length = None;
    let mut reader = BufReader::new(&stream);
    while length.is_none() {
        let mut line = Vec::new();
        assert_ne!(reader.read_until(b'\n', &mut line).unwrap(), 0);
        bytes.extend_from_slice(&line);
        if line == b"\r\n" {
            length = Some(content_length(&bytes));
        }
    }
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    bytes.extend_from_slice(&body);
    answer(&stream);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let (_, rest) = head.split_once("content-length: ").unwrap();
    rest.lines().next().unwrap().trim().parse().unwrap()
}

fn answer(mut stream: &TcpStream) {
    let yes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(yes.as_bytes()).unwrap();
}

#[test]
fn exit_codes_are_those_of_sysexits() {
    let refused = program::refused(
        "clicks",
        program::EX_CONFIG,
        &"CLICKS_LISTEN=8080 is not an address and port",
    );
    let expected = std::process::ExitCode::from(78);
    assert_eq!(format!("{refused:?}"), format!("{expected:?}"));
}
