//! Images built from the Dockerfiles that pages show, and containers of them, on a real engine.
//!
//! Whatever is built or started here carries the label `book.test` and is removed when its value is dropped, also
//! when the test panics. Containers are reached through 127.0.0.1 and a port that the engine chose.

mod context;
pub(crate) mod http;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use testcontainers::core::{ContainerPort, IntoContainerPort};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container as Running, ContainerRequest, GenericImage, ImageExt};

pub use http::Answer;

use crate::faults::Faults;
use crate::{evidence, root};
use context::Sent;

/// Longest that a container may take to answer for the first time.
const START: Duration = Duration::from_secs(30);

/// The value of the `book.test` label of this run.
pub(crate) fn run_id() -> String {
    std::env::var("BOOK_RUN").unwrap_or_else(|_| format!("by-hand-{}", std::process::id()))
}

pub(crate) fn docker(args: &[&str]) -> Output {
    Command::new("docker")
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"))
}

/// What a docker command prints on standard output, trimmed.
///
/// # Panics
/// When it fails, with what it said.
#[track_caller]
pub fn output(args: &[&str]) -> String {
    let out = docker(args);
    assert!(
        out.status.success(),
        "docker {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&out.stderr)
    );
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
        Build {
            dockerfile: dockerfile.into(),
            context: context.into(),
            args: Vec::new(),
        }
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
    #[track_caller]
    pub fn run(self) -> Image {
        let sent = Sent::of(&self.dockerfile, &self.context);
        let (tag, log, ok) = self.build(&root().join(&self.context));
        assert!(ok, "{} does not build:\n{}", self.dockerfile, tail(&log, 30));
        let image = Image::of(tag, log, self.dockerfile, sent.dockerfile().to_owned());
        sent.note();
        evidence::version(
            "Docker Engine",
            &output(&["version", "--format", "{{.Server.Version}}"]),
        );
        for name in bases(&std::fs::read_to_string(root().join(&image.dockerfile)).unwrap_or_default()) {
            evidence::version(&name, &truth(&name));
        }
        image
    }

    /// Builds with a changed copy of the context: `change` gets its folder. Nothing of the copy is noted.
    #[track_caller]
    pub fn run_with(self, change: impl FnOnce(&Path)) -> Image {
        let sent = Sent::of(&self.dockerfile, &self.context);
        let copy = tempfile::tempdir().expect("a temporary folder");
        sent.copy(&self.context, copy.path());
        change(copy.path());
        let (tag, log, ok) = self.build(copy.path());
        assert!(
            ok,
            "{} does not build from the changed context:\n{}",
            self.dockerfile,
            tail(&log, 30)
        );
        Image::of(tag, log, self.dockerfile, sent.dockerfile().to_owned())
    }

    /// Builds what must not build, and notes the Dockerfile.
    ///
    /// # Panics
    /// When the build succeeds.
    #[track_caller]
    pub fn fails(self) -> String {
        let sent = Sent::of(&self.dockerfile, &self.context);
        let (tag, log, ok) = self.build(&root().join(&self.context));
        if ok {
            docker(&["image", "rm", "--force", &tag]);
            panic!("{} builds, and should not", self.dockerfile);
        }
        sent.note();
        log
    }

    fn build(&self, context: &Path) -> (String, String, bool) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let stem = Path::new(&self.dockerfile)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let tag = format!(
            "book-test/{stem}:{}-{}",
            run_id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let file = root().join(&self.dockerfile);
        let out = Command::new("docker")
            .args(["buildx", "build", "--load", "--progress=plain", "--tag", &tag])
            .arg(format!("--label=book.test={}", run_id()))
            // Without it two tests that build the same at once have one image, and the first to be done takes it away
            // while the engine still writes it for the other.
            .arg(format!("--label=book.test.image={tag}"))
            .arg("--file")
            .arg(&file)
            .args(&self.args)
            .arg(context)
            .output()
            .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
        (
            tag,
            String::from_utf8_lossy(&out.stderr).into_owned(),
            out.status.success(),
        )
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

/// What an image really is: the words of its stand-in's label, else the digest under which it was pulled, else its id.
pub fn truth(name: &str) -> String {
    let format = "[{{json .Config.Labels}},{{json .RepoDigests}},{{json .Id}}]";
    let out = docker(&["image", "inspect", "--format", format, name]);
    true_name(&out.stdout).unwrap_or_else(|| "unknown to this engine".to_owned())
}

fn true_name(inspected: &[u8]) -> Option<String> {
    let seen: serde_json::Value = serde_json::from_slice(inspected).ok()?;
    let label = seen[0]["book.truth"].as_str().map(str::to_owned);
    // `debian@sha256:…` says no more than the digest does.
    let digest = seen[1][0]
        .as_str()
        .map(|d| d.rsplit('@').next().unwrap_or(d).to_owned());
    let id = seen[2].as_str().map(|id| format!("made on this machine, {id}"));
    label.or(digest).or(id)
}

pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// An image that is removed when dropped.
#[derive(Debug)]
pub struct Image {
    tag: String,
    log: String,
    dockerfile: String,
    /// The Dockerfile's hash when the build began.
    hash: String,
}

impl Image {
    fn of(tag: String, log: String, dockerfile: String, hash: String) -> Image {
        Image {
            tag,
            log,
            dockerfile,
            hash,
        }
    }

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
            let Some(number) = line.strip_suffix(" CACHED") else {
                continue;
            };
            let words = self.log.lines().find_map(|l| l.strip_prefix(&format!("{number} [")));
            steps.extend(words.map(|w| format!("[{w}")));
        }
        steps
    }

    /// A container that has not been started.
    pub fn container(&self) -> Start {
        Start {
            tag: self.tag.clone(),
            dockerfile: self.dockerfile.clone(),
            hash: self.hash.clone(),
            port: None,
            ready: "/".into(),
            change: Vec::new(),
        }
    }

    /// The digest of each of its layers, lowest first.
    pub fn layers(&self) -> Vec<String> {
        let all = self.inspect("{{join .RootFS.Layers \" \"}}");
        all.split_whitespace().map(str::to_owned).collect()
    }

    /// What its last `count` instructions added, in the order of the Dockerfile: instruction and size, a line each, in
    /// the words of `docker history`.
    pub fn history(&self, count: usize) -> String {
        let format = "{{.Size}}\t{{.CreatedBy}}";
        let text = output(&["history", "--no-trunc", "--human", "--format", format, &self.tag]);
        let mut rows: Vec<(String, &str)> = text
            .lines()
            .take(count)
            .filter_map(|line| {
                let (size, by) = line.split_once('\t')?;
                let by = by.trim_end().trim_end_matches(" # buildkit");
                Some((by.replace("RUN /bin/sh -c ", "RUN "), size))
            })
            .collect();
        rows.reverse();
        let width = rows.iter().map(|(by, _)| by.len()).max().unwrap_or_default();
        let lines = rows.iter().map(|(by, size)| format!("{by:width$}  {size}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A file of it. The image needs no program for that.
    ///
    /// # Panics
    /// When it has no such file.
    pub fn file(&self, path: &str) -> Vec<u8> {
        let label = format!("book.test={}", run_id());
        // A container that never runs needs a command all the same.
        let id = output(&["create", "--label", &label, &self.tag, "none"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join("copy");
        let copied = docker(&["cp", &format!("{id}:{path}"), &copy.to_string_lossy()]);
        docker(&["rm", "--force", &id]);
        assert!(
            copied.status.success(),
            "{path}: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
        std::fs::read(&copy).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// The paths of all that is in it, sorted, as `etc/passwd`. The image needs no program for that. What the engine itself
    /// puts into each container is among them.
    ///
    /// # Panics
    /// When the engine does not hand it out.
    pub fn paths(&self) -> Vec<String> {
        let label = format!("book.test={}", run_id());
        let id = output(&["create", "--label", &label, &self.tag, "none"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let archive = folder.path().join("image.tar");
        let exported = docker(&["export", "--output", &archive.to_string_lossy(), &id]);
        docker(&["rm", "--force", &id]);
        assert!(
            exported.status.success(),
            "{}: {}",
            self.tag,
            String::from_utf8_lossy(&exported.stderr)
        );
        let list = Command::new("tar").arg("-tf").arg(&archive).output().expect("tar runs");
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let mut paths: Vec<String> = list.lines().map(|p| p.trim_end_matches('/').to_owned()).collect();
        paths.sort();
        paths
    }

    /// Runs a command in a new container until it ends. `flags` are those of `docker run`, as in
    /// `&["--entrypoint", "ldd"]`.
    pub fn run_to_end(&self, flags: &[&str], command: &[&str]) -> Output {
        let label = format!("book.test={}", run_id());
        let mut args = vec!["run", "--rm", "--label", &label];
        args.extend(flags);
        args.push(&self.tag);
        args.extend(command);
        let out = docker(&args);
        let what = [flags, command].concat().join(" ");
        evidence::note_hashed("ran", &self.dockerfile, &self.hash, &what);
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
    hash: String,
    port: Option<ContainerPort>,
    ready: String,
    change: Vec<Change>,
}

impl Start {
    fn with(
        mut self,
        change: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage> + 'static,
    ) -> Start {
        self.change.push(Box::new(change));
        self
    }

    /// Read-only, without capabilities, without a way to new privileges.
    pub fn locked_down(self) -> Start {
        self.with(|r| {
            r.with_readonly_rootfs(true)
                .with_cap_drop("ALL")
                .with_security_opt("no-new-privileges")
        })
    }

    /// Allows this much memory, in bytes, and no swap beyond it.
    pub fn memory(self, bytes: i64) -> Start {
        self.with(move |r| {
            r.with_host_config_modifier(move |host| {
                host.memory = Some(bytes);
                host.memory_swap = Some(bytes);
            })
        })
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
        let running = request
            .start()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", self.dockerfile));
        let container = Container {
            running,
            port: self.port,
            ready: self.ready,
        };
        let what = format!("{} answers {}", self.dockerfile, container.ready);
        crate::eventually(&what, START, || {
            let not_ready = container.ready();
            not_ready.map_err(|why| format!("{why}; its log:\n{}", tail(&container.logs(), 20)))
        });
        evidence::note_hashed("ran", &self.dockerfile, &self.hash, "");
        container
    }
}

/// A container that is removed when dropped.
pub struct Container {
    running: Running<GenericImage>,
    port: Option<ContainerPort>,
    /// The path that answers 200.
    ready: String,
}

impl Faults for Container {
    fn id(&self) -> &str {
        self.running.id()
    }

    /// One without a port is ready as soon as it has started.
    fn ready(&self) -> Result<(), String> {
        let Some(port) = self.port else { return Ok(()) };
        // One that has ended has no port of this machine.
        let published = self.running.get_host_port_ipv4(port).map_err(|e| e.to_string())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, published));
        match http::send(address, "GET", &self.ready, &[], "") {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.body)),
            Err(e) => Err(e.to_string()),
        }
    }
}

impl Container {
    /// Its id.
    pub fn id(&self) -> &str {
        self.running.id()
    }

    /// Where its port is reached: always 127.0.0.1, whatever the engine's host is called.
    pub fn address(&self) -> SocketAddr {
        let port = self.port.expect("http() names the port before start()");
        let port = self
            .running
            .get_host_port_ipv4(port)
            .expect("the engine published the port");
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// A GET.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        http::send(self.address(), "GET", path, &[], "")
    }

    /// Any request; a body is sent as JSON.
    pub fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        http::send(self.address(), method, path, &[], body)
    }

    /// Both outputs so far.
    pub fn logs(&self) -> String {
        let out = docker(&["logs", self.id()]);
        format!(
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        )
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
        self.running
            .stop_with_timeout(Some(grace.as_secs() as i32))
            .expect("the engine stops it");
        let code = self
            .inspect("{{.State.ExitCode}}")
            .parse()
            .expect("an exit code is a number");
        (start.elapsed(), code)
    }
}

/// A size as `docker images` prints it: `1.06MB`, three digits that count, powers of 1000.
pub fn human_size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit < 3 {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text} {}", ["B", "kB", "MB", "GB"][unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_no_bases() {
        let file = "FROM --platform=linux/amd64 rust:1 AS build\nRUN x\nFROM build AS t\nFROM scratch\nFROM debian:a\n";
        assert_eq!(
            bases(file),
            BTreeSet::from(["rust:1".to_owned(), "debian:a".to_owned()])
        );
    }

    #[test]
    fn an_image_is_what_its_label_says_else_its_digest_else_its_id() {
        for (inspected, name) in [
            (
                r#"[{"book.truth":"Debian 13.2, built"},["a@sha256:1"],"sha256:2"]"#,
                Some("Debian 13.2, built"),
            ),
            (r#"[{},["debian@sha256:1"],"sha256:2"]"#, Some("sha256:1")),
            (r#"[null,[],"sha256:2"]"#, Some("made on this machine, sha256:2")),
            ("", None),
        ] {
            assert_eq!(true_name(inspected.as_bytes()).as_deref(), name);
        }
    }

    #[test]
    fn sizes_read_as_docker_prints_them() {
        let shown = [
            (999, "999 B"),
            (1_060_000, "1.06 MB"),
            (78_500_000, "78.5 MB"),
            (1_300_000_000, "1.3 GB"),
            (857_432, "857 kB"),
        ];
        for (bytes, text) in shown {
            assert_eq!(human_size(bytes), text);
        }
    }
}
