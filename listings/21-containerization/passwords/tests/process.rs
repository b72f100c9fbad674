//! The program as an engine starts and stops it.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn both_signals_end_it_well() {
    for name in ["TERM", "INT"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_passwords"))
            .env("PASSWORDS_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap();
        assert_eq!(event["message"], "ready");
        let address = event["address"].as_str().unwrap();
        let (status, _, body) =
            common::send(address.parse().unwrap(), "GET", "/livez", "");
        assert_eq!((status, body.as_str()), (200, "alive"));
        let id = child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
