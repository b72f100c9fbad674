//! What the tests share: a server on a thread of its own, and the
//! smallest client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use first_metric::server;
use links_api::api::App;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A file of this listing.
pub fn file(name: &str) -> String {
    format!("listings/24-observability/first-metric/{name}")
}

/// A captured file of this listing.
pub fn captured(name: &str) -> String {
    file(&format!("captured/{name}.txt"))
}

/// A server that stops when dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a router at this address; port 0 chooses one.
    pub fn start(listen: &str, router: fn(App) -> Router) -> Server {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let listen = listen.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(listen).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let links = App::default();
                links.readiness.set(true);
                let stop = async {
                    let _ = stopped.await;
                };
                let drain = Duration::from_secs(1);
                let run =
                    server::run(listener, router(links), drain, stop);
                run.await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        Server { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The whole answer to a request, head and body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> String {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port()));
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: links\r\n\
             connection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Makes a link, and gives back its path.
    pub fn make_link(&self) -> String {
        let body = r#"{"target":"https://www.rust-lang.org"}"#;
        let answer = self.send("POST", "/links", body);
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        location.expect("a new link has a path").to_owned()
    }

    /// The lines of `/metrics`.
    pub fn metrics(&self) -> Vec<String> {
        let answer = self.send("GET", "/metrics", "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.lines().map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let thread = self.thread.take().expect("it was started");
        // A panic of its thread is that of a test only once.
        let ended = thread.join();
        assert!(std::thread::panicking() || ended.is_ok());
    }
}
