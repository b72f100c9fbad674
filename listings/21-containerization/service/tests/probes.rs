//! A process is asked over HTTP what it says of itself.

use std::future::pending;
use std::net::SocketAddr;

use service::probes::{Status, ask, reachable, serve};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"
    );
    let mut answer = String::new();
    tokio::io::AsyncWriteExt::write_all(
        &mut stream,
        request.as_bytes(),
    )
    .await
    .unwrap();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{} {body}", head.split(' ').nth(1).unwrap())
}

#[tokio::test]
async fn each_probe_follows_the_life_of_the_process() {
    let status = Status::default();
    let (listener, address) = listener().await;
    tokio::spawn(serve(listener, status.clone(), pending()));
    let all = async || {
        let mut answers = Vec::new();
        for path in ["/startupz", "/readyz", "/livez"] {
            answers.push(get(address, path).await);
        }
        answers
    };
    // What stands in the way of a start is no reason to be not ready.
    status.not_ready("the broker does not answer");
    assert!(!status.is_ready());
    assert_eq!(
        all().await,
        ["503 starting", "503 starting", "200 alive"]
    );
    status.ready();
    assert!(status.is_ready());
    assert_eq!(all().await, ["200 started", "200 ready", "200 alive"]);
    ask(address).await.unwrap();

    status.not_ready("the broker does not answer");
    assert_eq!(
        all().await,
        ["200 started", "503 the broker does not answer", "200 alive"]
    );
    let unhealthy = ask(address).await.unwrap_err();
    assert_eq!(
        unhealthy.to_string(),
        "not healthy: 503 Service Unavailable: \
         the broker does not answer"
    );
}

#[tokio::test]
async fn who_connects_and_says_nothing_holds_nobody_up() {
    let (listener, address) = listener().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving =
        tokio::spawn(serve(listener, Status::default(), async {
            stopped.await.unwrap_or_default()
        }));
    let _silent = TcpStream::connect(address).await.unwrap();
    get(address, "/livez").await;
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let unhealthy = ask(address).await.unwrap_err().to_string();
    assert!(unhealthy.contains("Connection refused"), "{unhealthy}");
}

#[tokio::test]
async fn a_probe_does_not_wait_for_ever_and_reads_what_it_gets() {
    // Accepts into its backlog and never answers.
    let (_silent, address) = listener().await;
    let unhealthy = ask(address).await.unwrap_err();
    assert_eq!(unhealthy.to_string(), "not healthy: no answer in time");

    let (mute, address) = listener().await;
    let closing = tokio::spawn(async move {
        let (mut stream, _) = mute.accept().await.unwrap();
        // What is left unread would reset the connection.
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    });
    let unhealthy = ask(address).await.unwrap_err();
    closing.await.unwrap();
    assert_eq!(unhealthy.to_string(), "not healthy: an empty answer");
}

#[test]
fn all_addresses_are_probed_on_the_loopback_and_one_where_it_is() {
    for (listen, probed) in [
        ("0.0.0.0:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::1]:8080"),
        ("10.0.0.3:80", "10.0.0.3:80"),
    ] {
        let listen = listen.parse().unwrap();
        assert_eq!(reachable(listen).to_string(), probed);
    }
}
