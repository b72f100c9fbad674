use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;

use super::*;

/// Longest wait for anything here.
const BUDGET: Duration = Duration::from_secs(20);

/// A book with a build that copies `src/page.html` to a site, and fails when that says so.
struct Running {
    dir: tempfile::TempDir,
    address: SocketAddr,
    stop: Sender<Signal>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Running {
    fn start(page: &str) -> Running {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src")).unwrap();
        std::fs::write(dir.path().join("src/page.html"), page).unwrap();
        let root = dir.path().to_path_buf();
        let (stop, receiver) = channel();
        let (ready, address): (Sender<SocketAddr>, Receiver<SocketAddr>) = channel();
        let sender = stop.clone();
        let thread = std::thread::spawn(move || {
            let listener = listen("127.0.0.1", 0)?;
            let folder = root.clone();
            let rebuild = move || {
                let site = folder.join("target/site");
                let page = std::fs::read_to_string(folder.join("src/page.html"))?;
                if page.contains("broken") {
                    bail!("src/page.html:1: <broken>");
                }
                std::fs::create_dir_all(site.join("sub"))?;
                std::fs::write(site.join("index.html"), &page)?;
                std::fs::write(site.join("sub/index.html"), &page)?;
                std::fs::write(site.join("404.html"), "<base href=\"/book/\"><body>none</body>")?;
                std::fs::write(site.join("a b.js"), "x")?;
                Ok(site)
            };
            run(&root, listener, sender, &receiver, rebuild, |address| {
                ready.send(address).unwrap()
            })
        });
        let address = address.recv_timeout(BUDGET).unwrap();
        Running {
            dir,
            address,
            stop,
            thread: Some(thread),
        }
    }

    fn write(&self, page: &str) {
        std::fs::write(self.dir.path().join("src/page.html"), page).unwrap();
    }

    fn send(&self, raw: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(BUDGET)).unwrap();
        stream.write_all(raw.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    fn events(&self) -> Events {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(BUDGET)).unwrap();
        write!(stream, "GET {} HTTP/1.1\r\n\r\n", http::EVENTS).unwrap();
        Events {
            stream,
            seen: String::new(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap().unwrap();
            }
        }
    }
}

struct Events {
    stream: TcpStream,
    seen: String,
}

impl Events {
    /// The next event.
    fn next(&mut self) -> serde_json::Value {
        loop {
            if let Some((_, rest)) = self.seen.split_once("data: ")
                && let Some((data, rest)) = rest.split_once("\n\n")
            {
                let value = serde_json::from_str(data).unwrap();
                self.seen = rest.to_owned();
                return value;
            }
            let mut part = [0; 1024];
            let n = self.stream.read(&mut part).unwrap();
            assert!(n > 0, "the stream ended after {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&part[..n]));
        }
    }
}

#[test]
fn a_page_is_served_and_reloads_when_its_source_changes() {
    let book = Running::start("<body>one</body>");
    let page = book.get("/");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("text/html; charset=utf-8"),
        "{page}"
    );
    assert!(
        page.contains("<body>one<script>") && page.contains("EventSource"),
        "{page}"
    );
    let mut events = book.events();
    let first = events.next();
    assert!(
        page.contains(&format!("version: '{}'", first["version"].as_str().unwrap())),
        "{first}"
    );
    book.write("<body>two</body>");
    let second = loop {
        let event = events.next();
        if event["version"] != first["version"] && book.get("/").contains("two") {
            break event;
        }
    };
    assert!(second["error"].is_null());
}

#[test]
fn an_error_is_told_and_the_old_page_stays() {
    let book = Running::start("<body>one</body>");
    let mut events = book.events();
    let first = events.next();
    book.write("broken");
    let failed = loop {
        let event = events.next();
        if !event["error"].is_null() {
            break event;
        }
    };
    assert!(failed["error"].as_str().unwrap().contains("src/page.html:1: <broken>"));
    assert!(book.get("/").contains("<body>one"));
    book.write("<body>mended</body>");
    while !book.get("/").contains("mended") {
        assert_ne!(events.next(), first);
    }
}

#[test]
fn a_book_that_does_not_build_at_first_says_why() {
    let book = Running::start("broken");
    let page = book.get("/any.html");
    assert!(
        page.starts_with("HTTP/1.1 503") && page.contains("src/page.html:1: &lt;broken&gt;"),
        "{page}"
    );
    let mut events = book.events();
    events.next();
    book.write("<body>well</body>");
    while !book.get("/").contains("well") {
        events.next();
    }
}

#[test]
fn what_browsers_rely_on() {
    let book = Running::start("<body>one</body>");
    assert!(book.get("/sub").contains("Location: /sub/\r\n"));
    assert!(book.get("/sub/").starts_with("HTTP/1.1 200"));
    let script = book.get("/a%20b.js?x=1");
    assert!(
        script.contains("text/javascript") && script.ends_with("\r\n\r\nx") && script.contains("no-cache"),
        "{script}"
    );
    let missing = book.get("/none.html");
    assert!(
        missing.starts_with("HTTP/1.1 404") && missing.contains("<base href=\"/\">"),
        "{missing}"
    );
    let head = book.send("HEAD / HTTP/1.1\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n") && !head.contains("Content-Length: 0"),
        "{head}"
    );
    let tag = script.split("ETag: ").nth(1).unwrap().split('\r').next().unwrap();
    let again = book.send(&format!("GET /a%20b.js HTTP/1.1\r\nIf-None-Match: {tag}\r\n\r\n"));
    assert!(
        again.starts_with("HTTP/1.1 304") && again.ends_with("\r\n\r\n"),
        "{again}"
    );
}

/// A page's policy stops every script that it does not name, the one that reloads too.
#[test]
fn the_policy_of_a_page_allows_the_script_that_reloads_it() {
    let page = "<head><meta charset=\"utf-8\"></head><script>own();</script>";
    let policy = crate::site::finish::policy(page);
    let meta = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">");
    let served = Running::start(&page.replace("</head>", &format!("{meta}</head>"))).get("/");
    let scripts = crate::site::finish::inline_scripts(&served);
    assert_eq!(scripts.len(), 2, "{served}");
    for script in scripts {
        let source = crate::site::finish::source(&script);
        assert_eq!(served.matches(&source).count(), 1, "{source}: {served}");
    }
}

#[test]
fn bad_requests_get_an_answer_and_nothing_else() {
    let book = Running::start("<body>one</body>");
    std::fs::write(book.dir.path().join("secret"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(
        book.dir.path().join("secret"),
        book.dir.path().join("target/site/link.txt"),
    )
    .unwrap();
    for path in [
        "/../../secret",
        "/%2e%2e/%2e%2e/secret",
        "/sub/..%2f..%2f..%2fsecret",
        "/..%5c..%5csecret",
        "/%00",
        "/%zz",
        "/link.txt",
        "//secret",
    ] {
        let answer = book.get(path);
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        assert!(!answer.contains("\r\n\r\nsecret"), "{path}: {answer}");
    }
    for (raw, status) in [
        ("POST / HTTP/1.1\r\n\r\n", "405"),
        ("GET /\r\n\r\n", "400"),
        ("\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        ("GET http://other/ HTTP/1.1\r\n\r\n", "400"),
        (&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000)), "400"),
    ] {
        let answer = book.send(raw);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{raw:.40}: {answer:.200}"
        );
    }
    assert!(book.get("/").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_port_in_use_is_an_error_with_its_cure() {
    let book = Running::start("<body>one</body>");
    let error = listen("127.0.0.1", book.address.port()).unwrap_err().to_string();
    assert!(
        error.contains("is in use") && error.contains("cargo book serve --port"),
        "{error}"
    );
    let error = listen("no.such.host.invalid", 0).unwrap_err().to_string();
    assert!(error.contains("--hostname 127.0.0.1"), "{error}");
}

#[test]
fn stopping_gives_the_port_back() {
    let book = Running::start("<body>one</body>");
    let address = book.address;
    let mut events = book.events();
    events.next();
    drop(book);
    // The stream ends, and the listener's thread with it; the port may be taken a moment later.
    let mut rest = Vec::new();
    let _ = events.stream.read_to_end(&mut rest);
    let end = Instant::now() + BUDGET;
    while TcpListener::bind(address).is_err() {
        assert!(Instant::now() < end, "{address} is still in use");
        std::thread::yield_now();
    }
}
