//! Containers that are paused, killed and restarted.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Cut;
use crate::docker::{docker, output, tail};
use crate::eventually;

/// Longest that a container may take until it is ready again.
const AGAIN: Duration = Duration::from_secs(120);

/// A container that can be harmed. Each harm is undone when the value that stands for it is dropped.
pub trait Faults {
    /// Its id.
    fn id(&self) -> &str;

    /// Whether it does what it is for; if not, why.
    ///
    /// # Errors
    /// What it lacks, in words.
    fn ready(&self) -> Result<(), String>;

    /// Freezes all its processes. Its connections stay, and nobody answers.
    ///
    /// # Panics
    /// When the Docker engine refuses.
    #[track_caller]
    fn pause(&self) -> Paused<'_>
    where
        Self: Sized,
    {
        output(&["pause", self.id()]);
        Paused(self)
    }

    /// SIGKILL to all its processes: nothing is flushed, nobody says goodbye. Its files stay.
    ///
    /// # Panics
    /// When the Docker engine refuses.
    #[track_caller]
    fn kill(&self) -> Killed<'_>
    where
        Self: Sized,
    {
        output(&["kill", "--signal=KILL", self.id()]);
        // The engine answers when the signal is sent.
        output(&["wait", self.id()]);
        Killed(self)
    }

    /// Kills it, starts it again, and waits until it is ready. Its ports of this machine are others now.
    ///
    /// # Panics
    /// When it does not become ready, with its last log lines.
    #[track_caller]
    fn restart(&self)
    where
        Self: Sized,
    {
        self.kill().undo();
    }
}

/// Stands for a container that is paused.
#[must_use = "it goes on when this is dropped"]
pub struct Paused<'a>(&'a dyn Faults);

impl Paused<'_> {
    /// Lets it go on.
    pub fn undo(self) {}
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        docker(&["unpause", self.0.id()]);
    }
}

/// Stands for a container that was killed.
#[must_use = "it is started again when this is dropped"]
pub struct Killed<'a>(&'a dyn Faults);

impl Killed<'_> {
    /// Starts it again, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready, with its last log lines.
    #[track_caller]
    pub fn undo(self) {}
}

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        let started = docker(&["start", self.0.id()]);
        // A second panic would end the process, with containers left behind.
        if std::thread::panicking() {
            return;
        }
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "it does not start again: {said}");
        let id = self.0.id();
        eventually("the container is ready again", AGAIN, || {
            self.0.ready().map_err(|why| NotReady { id, why })
        });
    }
}

/// Why a container is not ready. Its log is asked for when somebody wants to read it.
struct NotReady<'a> {
    id: &'a str,
    why: String,
}

impl fmt::Debug for NotReady<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = docker(&["logs", "--tail", "20", self.id]);
        let log = [log.stdout, log.stderr].map(|l| String::from_utf8_lossy(&l).into_owned());
        write!(f, "{}; its log:\n{}", self.why, tail(&log.concat(), 20))
    }
}

impl Cut {
    /// In front of a port of a container. It stays right when the container is restarted.
    pub fn before_container(container: &impl Faults, port: u16) -> Cut {
        let id = container.id().to_owned();
        Cut::before_what(move || published(&id, port))
    }
}

/// Where a port of a container is reached now.
fn published(id: &str, port: u16) -> io::Result<SocketAddr> {
    let out = docker(&["port", id, &format!("{port}/tcp")]);
    let text = String::from_utf8_lossy(&out.stdout);
    let chosen = text.lines().find_map(|line| {
        let address: SocketAddr = line.trim().parse().ok()?;
        address.is_ipv4().then(|| address.port())
    });
    match chosen {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => Err(io::Error::other(format!("no port {port}: {text}"))),
    }
}
