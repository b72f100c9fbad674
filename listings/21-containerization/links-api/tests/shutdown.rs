//! Stopping: whoever is being served is served to the end, whoever says nothing is not waited for.

mod common;

use std::time::Duration;

use common::{Server, read_answer, within};
use links_api::config::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_in_flight_is_answered() {
    let server = Server::start(Config::default()).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let body = r#"{"target":"https://a"}"#;
    let length = body.len();
    let head = format!(
        "POST /links HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to wait for the body.
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    within(slow.read_exact(&mut go_on)).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    server.stop.send(()).unwrap();
    // No new connection is accepted any more.
    within(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert!(!server.ended.is_finished());
    slow.write_all(body.as_bytes()).await.unwrap();
    let answer = read_answer(&mut slow).await;
    assert_eq!(answer.status, 201);
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    assert!(answer.body.contains("https://a"), "{answer:?}");
    within(server.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_silent_client_is_cut_off_at_the_deadline() {
    let drain = Duration::from_millis(50);
    let server =
        Server::start(Config { drain, ..Config::default() }).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"POST /links HTTP/1.1\r\n").await.unwrap();
    server.send("GET", "/livez", "").await;
    server.end().await;
}
