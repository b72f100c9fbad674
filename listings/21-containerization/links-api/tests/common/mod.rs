//! A server on a port of its own, and the smallest client that can talk to it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use links_api::config::Config;
use links_api::store::{Links, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longest that a test waits for anything.
pub const BUDGET: Duration = Duration::from_secs(10);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub ended: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Starts one on a free port.
    pub async fn start(config: Config) -> Server {
        Server::over(Store::default(), config).await
    }

    /// Starts one over a store of the test.
    pub async fn over(store: impl Links, config: Config) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or_default() };
        let ended = tokio::spawn(links_api::server::run(
            listener, config, store, stopped,
        ));
        Server { address, stop, ended }
    }

    /// Sends one request on a connection of its own.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        send(self.address, method, path, body).await
    }

    /// Asks it to stop and waits until it has.
    pub async fn end(self) {
        self.stop.send(()).unwrap();
        within(self.ended).await.unwrap().unwrap();
    }
}

/// Status, headers in lower case, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(&mut stream).await
}

pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Waits for something, but not for ever.
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(BUDGET, what)
        .await
        .expect("nothing happened in time")
}
