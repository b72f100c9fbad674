//! Images built from the Dockerfiles that pages show, and containers of them, on a real engine.
//!
//! Whatever is built or started here carries the label `book.test` and is removed when its value is dropped, also
//! when the test panics. Containers are reached through 127.0.0.1 and a port that the engine chose.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ignore::gitignore::GitignoreBuilder;
use testcontainers::core::{ContainerPort, IntoContainerPort};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container as Running, ContainerRequest, GenericImage, ImageExt};

use crate::{evidence, root};

/// Longest that a container may take to answer for the first time.
const START: Duration = Duration::from_secs(30);

/// The value of the `book.test` label of this run.
fn run_id() -> String {
    std::env::var("BOOK_RUN").unwrap_or_else(|_| format!("by-hand-{}", std::process::id()))
}

fn docker(args: &[&str]) -> Output {
    Command::new("docker")
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"))
}

/// What a docker command prints on standard output, trimmed.
///
/// # Panics
/// When it fails, with what it said.
pub fn output(args: &[&str]) -> String {
    let out = docker(args);
    assert!(out.status.success(), "docker {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// A build that has not begun.
#[derive(Clone, Debug)]
pub struct Build {
    dockerfile: String,
    context: String,
    args: Vec<String>,
}

impl Build {
    /// Of a Dockerfile and a context folder, both relative to the book's folder.
    pub fn of(dockerfile: &str, context: &str) -> Build {
        Build { dockerfile: dockerfile.into(), context: context.into(), args: Vec::new() }
    }

    /// Adds an argument of `docker buildx build`.
    pub fn arg(mut self, arg: &str) -> Build {
        self.args.push(arg.into());
        self
    }

    /// Builds, and notes the Dockerfile as built and the files of the context as sent.
    ///
    /// # Panics
    /// When the build fails, with its last lines.
    pub fn run(self) -> Image {
        let (tag, log, ok) = self.build(&root().join(&self.context));
        assert!(ok, "{} does not build:\n{}", self.dockerfile, tail(&log, 30));
        self.note();
        Image { tag, log, dockerfile: self.dockerfile }
    }

    /// Builds with a changed copy of the context: `change` gets its folder. Nothing of the copy is noted.
    pub fn run_with(self, change: impl FnOnce(&Path)) -> Image {
        let copy = tempfile::tempdir().expect("a temporary folder");
        copy_tree(&root().join(&self.context), copy.path());
        change(copy.path());
        let (tag, log, ok) = self.build(copy.path());
        assert!(ok, "{} does not build from the changed context:\n{}", self.dockerfile, tail(&log, 30));
        Image { tag, log, dockerfile: self.dockerfile }
    }

    /// Builds what must not build, and notes the Dockerfile.
    ///
    /// # Panics
    /// When the build succeeds.
    pub fn fails(self) -> String {
        let (tag, log, ok) = self.build(&root().join(&self.context));
        if ok {
            docker(&["image", "rm", "--force", &tag]);
            panic!("{} builds, and should not", self.dockerfile);
        }
        evidence::note("built", &self.dockerfile, "refused");
        log
    }

    fn build(&self, context: &Path) -> (String, String, bool) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let stem = Path::new(&self.dockerfile).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let tag = format!("book-test/{stem}:{}-{}", run_id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let file = root().join(&self.dockerfile);
        let out = Command::new("docker")
            .args(["buildx", "build", "--load", "--progress=plain", "--tag", &tag])
            .arg(format!("--label=book.test={}", run_id()))
            .arg("--file")
            .arg(&file)
            .args(&self.args)
            .arg(context)
            .output()
            .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
        (tag, String::from_utf8_lossy(&out.stderr).into_owned(), out.status.success())
    }

    fn note(&self) {
        evidence::note("built", &self.dockerfile, "");
        for name in bases(&std::fs::read_to_string(root().join(&self.dockerfile)).unwrap_or_default()) {
            evidence::version(&name, &truth(&name));
        }
        for file in context_files(&self.dockerfile, &self.context) {
            evidence::note("sent", &file, &format!("to build {}", self.dockerfile));
        }
    }
}

/// The images that a Dockerfile starts from, without stages of its own.
fn bases(dockerfile: &str) -> BTreeSet<String> {
    let mut stages = BTreeSet::from(["scratch".to_owned()]);
    let mut names = BTreeSet::new();
    for line in dockerfile.lines() {
        let mut words = line.split_whitespace().filter(|w| !w.starts_with("--"));
        if words.next().is_some_and(|w| w.eq_ignore_ascii_case("from")) {
            let name = words.next().unwrap_or_default().to_owned();
            if !stages.contains(&name) {
                names.insert(name);
            }
            stages.extend(words.nth(1).map(str::to_owned));
        }
    }
    names
}

/// What an image really is: the words of its stand-in's label, else the digest under which it was pulled.
pub fn truth(name: &str) -> String {
    let out = docker(&["image", "inspect", "--format", "{{index .Config.Labels \"book.truth\"}}|{{join .RepoDigests \" \"}}|{{.Id}}", name]);
    let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let mut parts = text.split('|').map(str::trim).filter(|p| !p.is_empty());
    parts.next().unwrap_or("unknown to this engine").to_owned()
}

/// The files of a context that the engine is sent, relative to the book's folder: all but what the ignore file names.
fn context_files(dockerfile: &str, context: &str) -> Vec<String> {
    let folder = root().join(context);
    let own = format!("{dockerfile}.dockerignore");
    let ignore = [own, format!("{context}/.dockerignore")].into_iter().find(|p| root().join(p).is_file());
    let mut builder = GitignoreBuilder::new(&folder);
    if let Some(ignore) = &ignore {
        for line in std::fs::read_to_string(root().join(ignore)).unwrap_or_default().lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // Unlike git's, docker's patterns stand for paths from the context's root.
            let (not, path) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest));
            let anchored = if path.starts_with("**") { path.to_owned() } else { format!("/{}", path.trim_start_matches('/')) };
            builder.add_line(None, &format!("{not}{anchored}")).unwrap_or_else(|e| panic!("{ignore}: {e}"));
        }
    }
    let matcher = builder.build().unwrap_or_else(|e| panic!("{ignore:?}: {e}"));
    let mut files: Vec<String> = ignore::WalkBuilder::new(&folder)
        .hidden(false)
        .build()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_some_and(|t| t.is_file()))
        .filter(|e| !matcher.matched_path_or_any_parents(e.path(), false).is_ignore())
        .filter_map(|e| Some(e.path().strip_prefix(root()).ok()?.to_string_lossy().into_owned()))
        .collect();
    // The engine reads it, whatever it says of itself.
    files.extend(ignore);
    files.sort();
    files.dedup();
    files
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in ignore::WalkBuilder::new(from).hidden(false).build().filter_map(Result::ok) {
        let Ok(relative) = entry.path().strip_prefix(from) else { continue };
        let target = to.join(relative);
        let done = match entry.file_type() {
            Some(t) if t.is_dir() => std::fs::create_dir_all(&target),
            _ => std::fs::copy(entry.path(), &target).map(|_| ()),
        };
        done.unwrap_or_else(|e| panic!("{}: {e}", target.display()));
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// An image that is removed when dropped.
#[derive(Debug)]
pub struct Image {
    tag: String,
    log: String,
    dockerfile: String,
}

impl Image {
    /// Its name.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What the build printed.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// A field of `docker image inspect`, as in `{{.Config.User}}`.
    pub fn inspect(&self, format: &str) -> String {
        output(&["image", "inspect", "--format", format, &self.tag])
    }

    /// Its size in bytes, as `docker images` counts.
    pub fn size(&self) -> u64 {
        self.inspect("{{.Size}}").parse().expect("a size is a number")
    }

    /// The user that its containers run as; empty means root.
    pub fn user(&self) -> String {
        self.inspect("{{.Config.User}}")
    }

    /// The words of the steps that the engine took from its cache.
    pub fn cached_steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for line in self.log.lines() {
            let Some(number) = line.strip_suffix(" CACHED") else { continue };
            let words = self.log.lines().find_map(|l| l.strip_prefix(&format!("{number} [")));
            steps.extend(words.map(|w| format!("[{w}")));
        }
        steps
    }

    /// A container that has not been started.
    pub fn container(&self) -> Start {
        Start { tag: self.tag.clone(), dockerfile: self.dockerfile.clone(), port: None, ready: "/".into(), change: Vec::new() }
    }

    /// Runs a command in a new container until it ends; `entrypoint` in place of the image's.
    pub fn run_to_end(&self, entrypoint: Option<&str>, command: &[&str]) -> Output {
        let label = format!("book.test={}", run_id());
        let mut args = vec!["run", "--rm", "--label", &label];
        if let Some(entrypoint) = entrypoint {
            args.extend(["--entrypoint", entrypoint]);
        }
        args.push(&self.tag);
        args.extend(command);
        let out = docker(&args);
        evidence::note("ran", &self.dockerfile, &command.join(" "));
        out
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        docker(&["image", "rm", "--force", &self.tag]);
    }
}

type Change = Box<dyn FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>>;

/// A container about to be started.
pub struct Start {
    tag: String,
    dockerfile: String,
    port: Option<ContainerPort>,
    ready: String,
    change: Vec<Change>,
}

impl Start {
    fn with(mut self, change: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage> + 'static) -> Start {
        self.change.push(Box::new(change));
        self
    }

    /// Read-only, without capabilities, without a way to new privileges.
    pub fn locked_down(self) -> Start {
        self.with(|r| r.with_readonly_rootfs(true).with_cap_drop("ALL").with_security_opt("no-new-privileges"))
    }

    /// Sets a variable.
    pub fn env(self, name: &str, value: &str) -> Start {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.with(move |r| r.with_env_var(name, value))
    }

    /// Waits until this path of this port answers 200.
    pub fn http(mut self, port: u16, path: &str) -> Start {
        self.port = Some(port.tcp());
        self.ready = path.to_owned();
        self
    }

    /// Starts it and waits until it is ready; notes the Dockerfile as run.
    ///
    /// # Panics
    /// When it does not start or does not become ready, with its last log lines.
    pub fn start(self) -> Container {
        let (name, tag) = self.tag.rsplit_once(':').expect("a tag of ours has a colon");
        let mut image = GenericImage::new(name, tag);
        if let Some(port) = self.port {
            image = image.with_exposed_port(port);
        }
        let mut request = image.with_label("book.test", run_id());
        for change in self.change {
            request = change(request);
        }
        let running = request.start().unwrap_or_else(|e| panic!("{} does not start: {e}", self.dockerfile));
        let container = Container { running, port: self.port };
        if self.port.is_some() {
            let what = format!("{} answers {}", self.dockerfile, self.ready);
            crate::eventually(&what, START, || match container.get(&self.ready) {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, answer.body)),
                Err(e) => Err(format!("{e}; its log:\n{}", tail(&container.logs(), 20))),
            });
        }
        evidence::note("ran", &self.dockerfile, "");
        container
    }
}

/// A container that is removed when dropped.
pub struct Container {
    running: Running<GenericImage>,
    port: Option<ContainerPort>,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Container {
    /// Its id.
    pub fn id(&self) -> &str {
        self.running.id()
    }

    /// Where its port is reached: always 127.0.0.1, whatever the engine's host is called.
    pub fn address(&self) -> SocketAddr {
        let port = self.port.expect("http() names the port before start()");
        let port = self.running.get_host_port_ipv4(port).expect("the engine published the port");
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// A GET.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        http(self.address(), "GET", path, "")
    }

    /// Any request; a body is sent as JSON.
    pub fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        http(self.address(), method, path, body)
    }

    /// Both outputs so far.
    pub fn logs(&self) -> String {
        let out = docker(&["logs", self.id()]);
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    }

    /// A field of `docker inspect`, as in `{{.State.Health.Status}}`.
    pub fn inspect(&self, format: &str) -> String {
        output(&["inspect", "--format", format, self.id()])
    }

    /// Runs a command in it.
    pub fn exec(&self, command: &[&str]) -> Output {
        let mut args = vec!["exec", self.id()];
        args.extend(command);
        docker(&args)
    }

    /// `docker stop`: SIGTERM, and SIGKILL after the grace. How long it took, and the exit code.
    pub fn stop(&self, grace: Duration) -> (Duration, i64) {
        let start = Instant::now();
        self.running.stop_with_timeout(Some(grace.as_secs() as i32)).expect("the engine stops it");
        let code = self.inspect("{{.State.ExitCode}}").parse().expect("an exit code is a number");
        (start.elapsed(), code)
    }
}

/// One request on a connection of its own, in HTTP/1.1, with a time limit.
fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let limit = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let bad = || std::io::Error::new(std::io::ErrorKind::InvalidData, format!("no HTTP answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(bad)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(bad)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// A size as `docker images` prints it: `1.06MB`, three digits that count, powers of 1000.
pub fn human_size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit < 3 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value >= 100.0 { 0 } else if value >= 10.0 { 1 } else { 2 };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {}", ["B", "kB", "MB", "GB"][unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_no_bases() {
        let file = "FROM --platform=linux/amd64 rust:1 AS build\nRUN x\nFROM build AS t\nFROM scratch\nFROM debian:a\n";
        assert_eq!(bases(file), BTreeSet::from(["rust:1".to_owned(), "debian:a".to_owned()]));
    }

    #[test]
    fn sizes_read_as_docker_prints_them() {
        let shown = [(999, "999 B"), (1_060_000, "1.06 MB"), (78_500_000, "78.5 MB"), (1_300_000_000, "1.3 GB"), (857_432, "857 kB")];
        for (bytes, text) in shown {
            assert_eq!(human_size(bytes), text);
        }
    }
}
