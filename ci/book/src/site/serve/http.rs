//! A small HTTP server for one built site: files, and a stream of events that tells pages when to reload.
//!
//! One thread a connection and one request a connection: it serves one reader on one machine. Pages hold their stream
//! only while they are visible (see `client.js`), so that many tabs do not use up a browser's connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::site::{decode, escape};

/// Where pages learn of a new build.
pub(super) const EVENTS: &str = "/__book/events";

/// Where a page's policy lists its scripts. It stands in the head, before any text that a page shows.
const SCRIPTS: &str = "; script-src 'self'";

const CLIENT: &str = include_str!("client.js");

/// More than any browser asks for at a time.
const CONNECTIONS: usize = 128;

/// Longest head of a request, in bytes.
const HEAD: u64 = 16 * 1024;

/// How long a browser may take to ask or to read.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an idle stream is written to, so that a closed one is noticed.
const PULSE: Duration = Duration::from_secs(15);

/// A running server.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
    connections: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    site: Option<PathBuf>,
    /// Grows with each build; begins with the time, so that a page of an earlier run reloads.
    version: u128,
    error: Option<String>,
    building: bool,
    stopped: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl Server {
    pub(super) fn start(listener: TcpListener) -> Result<Server> {
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        state.lock().version = now.as_millis();
        let shared = state.clone();
        std::thread::Builder::new()
            .name("http".into())
            .spawn(move || accept(&listener, &shared))?;
        Ok(Server { address, state })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A build has begun: a file that is missing now may be there in a moment.
    pub(super) fn begin(&self) {
        self.state.change(|inner| inner.building = true);
    }

    pub(super) fn built(&self, site: PathBuf) {
        self.state.change(|inner| {
            inner.site = Some(site);
            inner.version += 1;
            inner.error = None;
            inner.building = false;
        });
    }

    pub(super) fn failed(&self, error: String) {
        self.state.change(|inner| {
            inner.error = Some(error);
            inner.building = false;
        });
    }

    /// Ends the streams and gives the port back.
    pub(super) fn stop(self) {
        self.state.change(|inner| inner.stopped = true);
        // `accept` has no timeout: one connection wakes it.
        let _ = TcpStream::connect_timeout(&super::shown(self.address), Duration::from_secs(1));
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.lock().stopped {
            return;
        }
        let Ok(stream) = stream else { continue };
        if state.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            state.connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let shared = state.clone();
        let spawned = std::thread::Builder::new().name("request".into()).spawn(move || {
            // A browser that went away is no matter.
            let _ = answer(stream, &shared);
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            state.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What a browser asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    head_only: bool,
    target: String,
    if_none_match: String,
}

struct Response {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Response {
    fn text(status: &'static str, text: &str) -> Response {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Response {
            status,
            headers,
            body: format!("{text}\n").into_bytes(),
        }
    }
}

fn answer(mut stream: TcpStream, state: &State) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let request = match read(&mut stream)? {
        Ok(request) => request,
        Err(response) => {
            respond(&mut stream, &response, false)?;
            // What the client has sent beyond is taken, or closing would throw the answer away.
            stream.shutdown(std::net::Shutdown::Write)?;
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
            let _ = std::io::copy(&mut (&stream).take(4 * HEAD), &mut std::io::sink());
            return Ok(());
        }
    };
    let path = request.target.split(['?', '#']).next().unwrap_or_default();
    if path == EVENTS && !request.head_only {
        return events(stream, state);
    }
    let response = file(path, &request, state);
    respond(&mut stream, &response, request.head_only)
}

fn read(stream: &mut TcpStream) -> Result<Result<Request, Response>> {
    let bad = || {
        Ok(Err(Response::text(
            "400 Bad Request",
            "this is no request that a browser sends",
        )))
    };
    let mut reader = BufReader::new((&*stream).take(HEAD));
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || !line.ends_with('\n') {
        return bad();
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return bad();
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return bad();
    }
    let mut request = Request {
        head_only: method == "HEAD",
        target: target.to_owned(),
        if_none_match: String::new(),
    };
    let known = matches!(method, "GET" | "HEAD");
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).is_err() || !header.ends_with('\n') {
            return bad();
        }
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else {
            return bad();
        };
        if name.eq_ignore_ascii_case("if-none-match") {
            request.if_none_match = value.trim().to_owned();
        }
    }
    if !known {
        let mut response = Response::text("405 Method Not Allowed", "a site is only read");
        response.headers.push(("Allow", "GET, HEAD".into()));
        return Ok(Err(response));
    }
    Ok(Ok(request))
}

fn respond(stream: &mut TcpStream, response: &Response, head_only: bool) -> Result<()> {
    let mut head = format!(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\n",
        response.status,
        response.body.len()
    );
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if !head_only && !response.status.starts_with("304") {
        stream.write_all(&response.body)?;
    }
    Ok(stream.flush()?)
}

/// The stream of events: the state at once, then each change of it.
fn events(mut stream: TcpStream, state: &State) -> Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n",
    )?;
    let mut told: Option<(u128, Option<String>)> = None;
    loop {
        let mut inner = state.lock();
        let now = loop {
            if inner.stopped {
                return Ok(());
            }
            let now = (inner.version, inner.error.clone());
            if told.as_ref() != Some(&now) {
                break Some(now);
            }
            let (next, timeout) = state
                .changed
                .wait_timeout(inner, PULSE)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            inner = next;
            if timeout.timed_out() {
                break None;
            }
        };
        drop(inner);
        match now {
            Some((version, error)) => {
                let data = serde_json::json!({ "version": version.to_string(), "error": error });
                write!(stream, "data: {data}\n\n")?;
                told = Some((version, error));
            }
            None => stream.write_all(b": still here\n\n")?,
        }
        stream.flush()?;
    }
}

fn file(path: &str, request: &Request, state: &State) -> Response {
    let Some(inside) = safe(path) else {
        return Response::text("400 Bad Request", "this path leads out of the site");
    };
    let first = find(&inside, path, request, state);
    if !first.status.starts_with("404") {
        return first;
    }
    // While a site takes the place of another, a file may be missing for a moment.
    let inner = state.lock();
    if !inner.building {
        return first;
    }
    let waited = state
        .changed
        .wait_timeout_while(inner, PATIENCE, |inner| inner.building && !inner.stopped);
    drop(waited);
    find(&inside, path, request, state)
}

/// A path below the site; `None` for one that leads out of it.
fn safe(path: &str) -> Option<PathBuf> {
    let path = decode(path)?;
    if path.contains(['\0', '\\']) {
        return None;
    }
    let mut inside = PathBuf::new();
    for part in Path::new(path.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(inside)
}

fn find(inside: &Path, path: &str, request: &Request, state: &State) -> Response {
    let (site, version, error) = {
        let inner = state.lock();
        (inner.site.clone(), inner.version, inner.error.clone())
    };
    let Some(site) = site else {
        return html("503 Service Unavailable", &waiting_page(error.as_deref()), version, "");
    };
    let mut place = site.join(inside);
    if place.is_dir() {
        if !path.ends_with('/') {
            let mut response = Response::text("301 Moved Permanently", "this is a folder");
            response.headers.push(("Location", format!("{path}/")));
            return response;
        }
        place.push("index.html");
    }
    // A link in the site could lead out of it.
    let real = std::fs::canonicalize(&place)
        .ok()
        .filter(|real| std::fs::canonicalize(&site).is_ok_and(|site| real.starts_with(site)));
    let Some(body) = real
        .as_deref()
        .filter(|real| real.is_file())
        .and_then(|real| std::fs::read(real).ok())
    else {
        let page = std::fs::read_to_string(site.join("404.html"));
        return match page {
            Ok(page) => html("404 Not Found", &page, version, ""),
            Err(_) => Response::text("404 Not Found", "the site has no such page"),
        };
    };
    let tag = etag(&place, version, &body);
    if request.if_none_match.split(',').any(|seen| seen.trim() == tag) {
        return Response {
            status: "304 Not Modified",
            headers: vec![("ETag", tag)],
            body: Vec::new(),
        };
    }
    match (mime(&place), String::from_utf8(body)) {
        ("text/html; charset=utf-8", Ok(page)) => html("200 OK", &page, version, &tag),
        (kind, body) => Response {
            status: "200 OK",
            headers: vec![("Content-Type", kind.into()), ("ETag", tag)],
            body: body.map_or_else(|not_text| not_text.into_bytes(), String::into_bytes),
        },
    }
}

/// A page with the script that reloads it.
fn html(status: &'static str, page: &str, version: u128, tag: &str) -> Response {
    let script =
        format!("(({{ version, events }}) => {{\n{CLIENT}}})({{ version: '{version}', events: '{EVENTS}' }});");
    let mut page = at_root(page);
    // The page's policy names each script that stands in it.
    if let Some(at) = page.find(SCRIPTS) {
        page.insert_str(
            at + SCRIPTS.len(),
            &format!(" {}", super::super::finish::source(&script)),
        );
    }
    let at = page.rfind("</body>").unwrap_or(page.len());
    page.insert_str(at, &format!("<script>{script}</script>\n"));
    let mut headers = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
    if !tag.is_empty() {
        headers.push(("ETag", tag.to_owned()));
    }
    Response {
        status,
        headers,
        body: page.into_bytes(),
    }
}

/// The 404 page names the address that the book is published under; here that is `/`.
fn at_root(page: &str) -> String {
    const BASE: &str = "<base href=\"";
    match page
        .find(BASE)
        .and_then(|at| Some((at + BASE.len(), page[at + BASE.len()..].find('"')?)))
    {
        Some((from, len)) => format!("{}/{}", &page[..from], &page[from + len..]),
        None => page.to_owned(),
    }
}

fn waiting_page(error: Option<&str>) -> String {
    let what = match error {
        Some(error) => format!(
            "<h1>The book could not be built</h1><pre>{}</pre><p>This page reloads when it can.</p>",
            escape(error)
        ),
        None => "<h1>The book is being built</h1><p>This page reloads when it is ready.</p>".into(),
    };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>cargo book serve</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>:root {{ color-scheme: light dark }} \
         body {{ font: 1rem/1.5 system-ui; margin: 2rem }} pre {{ white-space: pre-wrap }}</style></head>\
         <body>{what}</body></html>"
    )
}

/// Time and length of a file, and for pages the build: they carry its number.
fn etag(place: &Path, version: u128, body: &[u8]) -> String {
    let time = std::fs::metadata(place).and_then(|meta| meta.modified()).ok();
    let time = time
        .and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok())
        .unwrap_or_default();
    let build = if mime(place).starts_with("text/html") {
        version
    } else {
        0
    };
    format!("\"{:x}-{:x}-{build:x}\"", time.as_nanos(), body.len())
}

fn mime(path: &Path) -> &'static str {
    match path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}
