//! Containers with flags of `docker run`, removed when dropped.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::process::Command;
use std::time::Duration;

use book_support::docker::{Image, output};
use book_support::eventually;

/// Longest that something which has to happen may take.
pub const BUDGET: Duration = Duration::from_secs(30);

/// A file beside this package's listings.
pub fn file(name: &str) -> String {
    format!("listings/21-containerization/health/captured/{name}.txt")
}

/// A running container.
pub struct Container(String);

impl Container {
    /// Of an image, with flags and a command.
    pub fn run(
        image: &Image,
        flags: &[&str],
        command: &[&str],
    ) -> Container {
        let run = std::env::var("BOOK_RUN");
        let run = run.unwrap_or_else(|_| "by-hand".to_owned());
        let label = format!("--label=book.test={run}");
        let mut args = vec!["run", "--detach", &label];
        args.extend(flags);
        args.push(image.tag());
        args.extend(command);
        Container(output(&args))
    }

    /// A field of `docker inspect`.
    pub fn inspect(&self, format: &str) -> String {
        output(&["inspect", "--format", format, &self.0])
    }

    /// What a program prints that is run in it; it may fail.
    pub fn exec(&self, command: &[&str]) -> String {
        let mut docker = Command::new("docker");
        docker.args(["exec", &self.0]).args(command);
        let out = docker.output().expect("docker starts");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Waits until its log has these words.
    pub fn says(&self, words: &str) {
        eventually(words, BUDGET, || match self.log() {
            log if log.contains(words) => Ok(()),
            log => Err(log),
        });
    }

    /// Its standard output so far.
    pub fn log(&self) -> String {
        output(&["logs", &self.0])
    }

    /// Sends a signal to its first process.
    pub fn signal(&self, name: &str) {
        output(&["kill", "--signal", name, &self.0]);
    }

    /// Waits until it has ended; its exit code.
    pub fn ended(&self) -> String {
        output(&["wait", &self.0])
    }

    /// `docker stop` with a grace in seconds; its exit code.
    pub fn stop(&self, grace: u64) -> String {
        output(&["stop", "-t", &grace.to_string(), &self.0]);
        self.inspect("{{.State.ExitCode}}")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // One that cannot be removed is found at the end of the run.
        let _ = Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.0])
            .output();
    }
}
