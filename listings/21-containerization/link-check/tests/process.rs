//! The program against a server with an authority of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

/// A running server; ended when dropped.
struct Target {
    child: Child,
    authority: String,
    port: u16,
}

impl Target {
    fn named(name: &str) -> Target {
        let child = Command::new(env!("CARGO_BIN_EXE_link-target"))
            .args([name, "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // From here on it is ended, also when this panics.
        let mut target =
            Target { child, authority: String::new(), port: 0 };
        let said = BufReader::new(target.child.stdout.take().unwrap());
        for line in said.lines() {
            let line = line.unwrap();
            if let Some(port) =
                line.strip_prefix("listening on 127.0.0.1:")
            {
                target.port = port.parse().unwrap();
                return target;
            }
            target.authority += &format!("{line}\n");
        }
        panic!("the server did not come up: {}", target.authority);
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

const PROGRAMS: [&str; 2] =
    [env!("CARGO_BIN_EXE_link-check"), env!("CARGO_BIN_EXE_decided")];

/// Runs a program with a file of authorities.
fn run(program: &str, authorities: &str, url: &str) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authorities.as_bytes()).unwrap();
    Command::new(program)
        .arg(url)
        .env("SSL_CERT_FILE", file.path())
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap()
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, said: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(said), "{text}");
    assert_eq!(output.status.code(), Some(code), "{text}");
}

#[test]
fn a_target_whose_authority_is_known_answers() {
    let target = Target::named("localhost");
    let url = format!("https://localhost:{}/", target.port);
    for program in PROGRAMS {
        let output = run(program, &target.authority, &url);
        assert_ends(&output, 0, "says 200");
    }
}

#[test]
fn a_target_of_another_authority_is_not_trusted() {
    let (target, other) =
        (Target::named("localhost"), Target::named("localhost"));
    let url = format!("https://localhost:{}/", target.port);
    let output = run(PROGRAMS[0], &other.authority, &url);
    assert_ends(&output, 1, "is not trusted: invalid peer certificate");
}

#[test]
fn a_certificate_is_for_one_name() {
    let target = Target::named("shop");
    let url = format!("https://localhost:{}/", target.port);
    let output = run(PROGRAMS[0], &target.authority, &url);
    assert_ends(&output, 1, "is not trusted: invalid peer certificate");
}

#[test]
fn without_authorities_it_ends_before_it_asks() {
    let output = run(PROGRAMS[0], "", "https://localhost:1/");
    assert_ends(&output, 78, "no certificates of authorities");
}

#[test]
fn each_reason_has_its_own_words() {
    let known = Target::named("localhost");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    for (url, code, said) in [
        ("http://localhost/", 64, "is no address like"),
        ("https://no.such.name.invalid/", 1, "has no address"),
        ("https://a..b/", 1, "is not trusted"),
        (&format!("https://localhost:{port}/"), 1, "is not reached"),
    ] {
        assert_ends(
            &run(PROGRAMS[0], &known.authority, url),
            code,
            said,
        );
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_told() {
    use std::io::Read;
    let known = Target::named("localhost");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let url = format!("https://localhost:{port}/");
    let output = run(PROGRAMS[0], &known.authority, &url);
    assert_ends(&output, 1, "is not trusted");
    plain.join().unwrap();
}
