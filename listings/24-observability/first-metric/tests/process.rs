//! Both programs, as an engine starts and stops them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// A GET's whole answer.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: links\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn both_serve_metrics_and_end_well_at_both_signals() {
    let programs = [
        (env!("CARGO_BIN_EXE_by_path"), r#"path="/livez""#),
        (env!("CARGO_BIN_EXE_counted"), r#"route="/livez""#),
    ];
    for (program, label) in programs {
        for signal in ["TERM", "INT"] {
            let mut child = Command::new(program)
                .env("LINKS_LISTEN", "127.0.0.1:0")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut log = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            log.read_line(&mut line).unwrap();
            let ready: serde_json::Value =
                serde_json::from_str(&line).unwrap();
            assert_eq!(ready["message"], "ready");
            let address = ready["address"].as_str().unwrap();

            assert!(get(address, "/livez").ends_with("alive"));
            assert!(get(address, "/readyz").ends_with("ready"));
            let metrics = get(address, "/metrics");
            assert!(metrics.contains(label), "{metrics}");

            let id = child.id().to_string();
            let sent =
                Command::new("kill").args(["-s", signal, &id]).status();
            assert!(sent.unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
    }
}
