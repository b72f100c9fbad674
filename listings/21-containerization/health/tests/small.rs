//! The two programs of the page on process number one, in a process of
//! this machine.

#[allow(dead_code)]
#[path = "../src/bin/deaf.rs"]
mod deaf;
#[allow(dead_code)]
#[path = "../src/bin/left_behind.rs"]
mod left_behind;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

#[test]
fn the_deaf_server_does_answer_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || deaf::serve(&listener));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

#[test]
fn processes_are_left_behind() {
    left_behind::child().unwrap();
    left_behind::orphan().unwrap();
}
