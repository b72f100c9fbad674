//! Images and containers of a reader. Nothing here panics because theirs do not work: what they do is what the check is
//! there to see.

use std::cell::OnceCell;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::docker::{Answer, docker, http, run_id, tail};

/// An image of the folder under check; removed when dropped.
#[derive(Debug)]
pub struct Built {
    tag: String,
    log: String,
    /// A container that never runs, to copy files from.
    still: OnceCell<String>,
}

/// Builds a Dockerfile from a context; what the engine said, when it does not build.
///
/// # Errors
/// The end of the build's log.
pub fn build(dockerfile: &Path, context: &Path, args: &[&str]) -> Result<Built, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let tag = format!("book-exercise:{}-{}-{number}", run_id(), std::process::id());
    let out = Command::new("docker")
        .args(["buildx", "build", "--load", "--progress=plain", "--tag", &tag])
        .arg(format!("--label=book.test={}", run_id()))
        .arg(format!("--label=book.test.image={tag}"))
        .arg("--file")
        .arg(dockerfile)
        .args(args)
        .arg(context)
        .output()
        .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    match out.status.success() {
        true => Ok(Built {
            tag,
            log,
            still: OnceCell::new(),
        }),
        false => Err(tail(&log, 20)),
    }
}

/// Takes an image out of a registry, for this platform; what the engine said, when it does not come.
///
/// # Errors
/// The engine's last words.
pub fn pull(name: &str, platform: &str) -> Result<Built, String> {
    let out = docker(&["pull", "--quiet", "--platform", platform, name]);
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    match out.status.success() {
        true => Ok(Built {
            tag: name.to_owned(),
            log,
            still: OnceCell::new(),
        }),
        false => Err(tail(log.trim_end(), 1)),
    }
}

impl Built {
    /// A field of `docker image inspect`.
    pub fn inspect(&self, format: &str) -> String {
        crate::docker::output(&["image", "inspect", "--format", format, &self.tag])
    }

    /// What the build printed.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Its size in bytes, as `docker image ls` counts.
    pub fn size(&self) -> u64 {
        self.inspect("{{.Size}}").parse().expect("a size is a number")
    }

    /// A file of it; `None` when it has none of that name. A link is followed.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        let id = self.still.get_or_init(|| {
            let label = format!("--label=book.test={}", run_id());
            // Also one that never runs needs a command.
            let made = docker(&["create", &label, &self.tag, "none"]);
            String::from_utf8_lossy(&made.stdout).trim().to_owned()
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join("copy");
        let copied = docker(&["cp", "--follow-link", &format!("{id}:{path}"), &copy.to_string_lossy()]);
        match copied.status.success() {
            true => std::fs::read(&copy).ok(),
            false => None,
        }
    }

    /// What its program makes of a text on standard input, on both outputs; what docker says, when it does not start.
    pub fn printed(&self, input: &str) -> String {
        let child = Command::new("docker")
            .args(["run", "--rm", "--interactive"])
            .arg(format!("--label=book.test={}", run_id()))
            .arg(&self.tag)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let out = child.and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                // A program that does not read is seen by what it prints.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        });
        let out = out.unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
        let both = [out.stdout, out.stderr].concat();
        String::from_utf8_lossy(&both).trim().to_owned()
    }

    /// Starts a container with flags of `docker run`, and waits until a GET of `path` on its `port` answers 200, until
    /// it has ended, or until the patience is over.
    pub fn run(&self, flags: &[&str], port: u16, path: &str, patience: Duration) -> Ran {
        let label = format!("--label=book.test={}", run_id());
        let publish = format!("--publish=127.0.0.1::{port}");
        let mut args = vec!["create", &label, &publish];
        args.extend(flags);
        args.push(&self.tag);
        // Made, then started: one that does not start has a name by which it is removed.
        let made = docker(&args);
        let mut ran = Ran {
            id: String::from_utf8_lossy(&made.stdout).trim().to_owned(),
            port,
            ready: false,
            refused: refusal(&made),
        };
        if ran.refused.is_empty() {
            ran.refused = refusal(&docker(&["start", &ran.id]));
        }
        let start = Instant::now();
        while ran.refused.is_empty() && ran.is_running() {
            if ran.get(path).is_ok_and(|answer| answer.status == 200) {
                ran.ready = true;
                break;
            }
            if start.elapsed() > patience {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        ran
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        if let Some(id) = self.still.get().filter(|id| !id.is_empty()) {
            docker(&["rm", "--force", "--volumes", id]);
        }
        docker(&["image", "rm", "--force", &self.tag]);
    }
}

/// What the engine said, when it did not do what it was told.
fn refusal(out: &std::process::Output) -> String {
    match out.status.success() {
        true => String::new(),
        false => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said
                .lines()
                .find(|l| !l.trim().is_empty())
                .unwrap_or("it refused")
                .trim();
            said.trim_start_matches("Error response from daemon: ").to_owned()
        }
    }
}

/// A container that was told to start; removed when dropped.
#[derive(Debug)]
pub struct Ran {
    id: String,
    port: u16,
    ready: bool,
    refused: String,
}

impl Ran {
    /// Whether it answered 200.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// What the engine said when it could not even start it. Empty when it did.
    pub fn refused(&self) -> &str {
        &self.refused
    }

    /// A field of `docker inspect`; empty when there is no container.
    pub fn inspect(&self, format: &str) -> String {
        let out = docker(&["inspect", "--format", format, &self.id]);
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Whether it runs at this moment.
    pub fn is_running(&self) -> bool {
        self.inspect("{{.State.Running}}") == "true"
    }

    /// Its exit code, when it has ended.
    pub fn exit_code(&self) -> Option<i64> {
        match self.is_running() {
            true => None,
            false => self.inspect("{{.State.ExitCode}}").parse().ok(),
        }
    }

    /// In a few words what became of it: `answers`, `ended with 137`, `does not start: …`.
    pub fn state(&self) -> String {
        if !self.refused.is_empty() {
            return format!("does not start: {}", self.refused);
        }
        let killed = self.inspect("{{.State.OOMKilled}}") == "true";
        match self.exit_code() {
            Some(code) if killed => format!("ended with {code}, out of memory"),
            Some(code) => format!("ended with {code}"),
            None if self.ready => "answers".into(),
            None => "runs, and does not answer".into(),
        }
    }

    /// Both outputs so far.
    pub fn logs(&self) -> String {
        let out = docker(&["logs", &self.id]);
        let both = [&out.stdout[..], &out.stderr[..]].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    /// A GET.
    ///
    /// # Errors
    /// When nothing answers on its port.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.send("GET", path, "")
    }

    /// Any request; a body is sent as JSON.
    ///
    /// # Errors
    /// When nothing answers on its port.
    pub fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        http::send(self.address()?, method, path, &[], body)
    }

    /// Where its port is reached.
    ///
    /// # Errors
    /// When it has none, because it has ended.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        let out = docker(&["port", &self.id, &self.port.to_string()]);
        let text = String::from_utf8_lossy(&out.stdout);
        let port = text
            .lines()
            .find_map(|line| line.rsplit(':').next()?.trim().parse().ok());
        let port: u16 = port.ok_or_else(|| std::io::Error::other("the container has no port on this machine"))?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Runs a command in it; exit code and what it said.
    pub fn exec(&self, command: &[&str]) -> (Option<i32>, String) {
        let mut args = vec!["exec", &self.id];
        args.extend(command);
        let out = docker(&args);
        let both = [&out.stdout[..], &out.stderr[..]].concat();
        (out.status.code(), String::from_utf8_lossy(&both).trim().to_owned())
    }

    /// Sends a signal to its first process: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        docker(&["kill", "--signal", name, &self.id]);
    }

    /// `docker stop`: the stop signal, and SIGKILL after the grace. How long it took, and the exit code.
    pub fn stop(&self, grace: Duration) -> (Duration, i64) {
        let start = Instant::now();
        docker(&["stop", "--time", &grace.as_secs().to_string(), &self.id]);
        (start.elapsed(), self.exit_code().unwrap_or(-1))
    }
}

impl Drop for Ran {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            docker(&["rm", "--force", "--volumes", &self.id]);
        }
    }
}

/// The dynamic loader that a 64-bit little-endian ELF program asks for; `None` when it is linked statically, or is no
/// such program.
pub fn loader(elf: &[u8]) -> Option<String> {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let bytes = elf.get(at..at + bytes)?.iter().rev();
        Some(bytes.fold(0_usize, |n, byte| n << 8 | usize::from(*byte)))
    };
    elf.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let (offset, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    (0..count).find_map(|i| {
        let header = offset + i * size;
        (number(header, 4)? as u64 == PT_INTERP).then_some(())?;
        let (from, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
        let name = elf.get(from..from + length)?;
        Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_of_this_test_is_found() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let loader = loader(&own).unwrap();
        assert!(loader.starts_with("/lib"), "{loader}");
        assert_eq!(super::loader(b"#!/bin/sh\n"), None);
    }
}
