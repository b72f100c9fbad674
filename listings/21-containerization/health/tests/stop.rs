//! A thousand requests while a container of links-api is stopped.

mod engine;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use book_support::captured;
use book_support::docker::Build;
use engine::{Container, file};

/// Of each kind.
const REQUESTS: usize = 500;
/// Longest that a client waits.
const PATIENCE: Duration = Duration::from_secs(30);
const BODY: &str = r#"{"target":"https://www.rust-lang.org"}"#;

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A request that the program has begun to answer.
fn begin(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = connect(address)?;
    let head = format!(
        "POST /links HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes())?;
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    stream.read_exact(&mut go_on)?;
    match go_on.starts_with(b"HTTP/1.1 100") {
        true => Ok(stream),
        false => Err(ErrorKind::InvalidData.into()),
    }
}

/// The status of its answer.
fn finish(mut stream: TcpStream) -> std::io::Result<u16> {
    stream.write_all(BODY.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
    status.ok_or_else(|| ErrorKind::InvalidData.into())
}

fn ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = connect(address)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: t\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        std::io::Result::Ok(line.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

fn start(flags: &[&str]) -> (Container, SocketAddr) {
    let image = Build::of(
        "listings/21-containerization/images/minimal.Dockerfile",
        "listings/21-containerization/links-api",
    )
    .run();
    let publish = ["--publish=127.0.0.1::8080"];
    let flags = [&publish, flags].concat();
    let container = Container::run(&image, &flags, &[]);
    container.says("\"ready\"");
    let port = "{{(index (index .NetworkSettings.Ports \"8080/tcp\") 0).HostPort}}";
    let port = container.inspect(port).parse().expect("a port");
    (container, SocketAddr::from(([127, 0, 0, 1], port)))
}

#[test]
fn a_thousand_requests_and_not_one_that_had_begun_is_lost() {
    let (container, address) = start(&[
        "--env=LINKS_REQUEST_SECONDS=60",
        "--env=LINKS_DRAIN_SECONDS=60",
    ]);
    let in_flight: Vec<TcpStream> =
        (0..REQUESTS).map(|_| begin(address).unwrap()).collect();
    container.signal("TERM");
    let told = Instant::now();
    while ready(address) {
        assert!(told.elapsed() < Duration::from_secs(1));
    }
    let late = (0..REQUESTS)
        .filter(|_| begin(address).and_then(finish).is_ok())
        .count();
    let answered = in_flight
        .into_iter()
        .map(finish)
        .filter(|answer| matches!(answer, Ok(201)))
        .count();
    let code = container.ended();
    let mut table = format!("{:18}{:7}answered\n", "request", "sent");
    table += &format!("{:18}{REQUESTS:<7}{answered}\n", "in flight");
    table += &format!("{:18}{REQUESTS:<7}{late}\n", "after SIGTERM");
    table += &format!("\nexit code {code}");
    captured(&file("thousand"), &table);
}

#[test]
fn a_client_that_says_nothing_is_not_waited_for() {
    let (container, address) = start(&["--env=LINKS_DRAIN_SECONDS=1"]);
    let silent = connect(address).unwrap();
    let mut half = connect(address).unwrap();
    half.write_all(b"POST /links HTTP/1.1\r\n").unwrap();
    // Whoever uses up the whole grace ends with 137.
    assert_eq!(container.stop(20), "0");
    drop((silent, half));
}
