//! Containers of module 21's programs, run with any flags of `docker run`, and removed at the end.

#![cfg(feature = "docker")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use book_support::docker::{Build, Image, output};
use book_support::eventually;

/// Longest that a container may take to answer.
const START: Duration = Duration::from_secs(120);

/// The image of the program that hashes passwords.
pub fn passwords() -> Image {
    let folder = "listings/21-containerization/passwords";
    Build::of(&format!("{folder}/Dockerfile"), folder).run()
}

/// The image of `links-api`, as the page on the minimal image makes it.
pub fn links_api() -> Image {
    let module = "listings/21-containerization";
    let file = format!("{module}/images/minimal.Dockerfile");
    Build::of(&file, &format!("{module}/links-api")).run()
}

/// A captured file beside this crate.
pub fn captured(name: &str) -> String {
    format!(
        "listings/21-containerization/production-tests/captured/{name}"
    )
}

/// A container that is removed when dropped.
#[derive(Debug)]
pub struct Container {
    id: String,
}

impl Container {
    /// Starts one, with flags of `docker run`. Its port 8080 is
    /// published on 127.0.0.1.
    ///
    /// # Panics
    /// When the engine refuses.
    pub fn run(image: &Image, flags: &[&str]) -> Container {
        let run = std::env::var("BOOK_RUN").unwrap_or_else(|_| {
            format!("by-hand-{}", std::process::id())
        });
        let label = format!("--label=book.test={run}");
        let mut args = vec!["create", &label];
        args.push("--publish=127.0.0.1::8080");
        args.extend(flags);
        args.push(image.tag());
        let container = Container { id: output(&args) };
        output(&["start", &container.id]);
        container
    }

    /// As [`Container::run`], and waits until `/livez` answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn serving(image: &Image, flags: &[&str]) -> Container {
        let container = Container::run(image, flags);
        container.answers("/livez");
        container
    }

    /// Waits until a path answers 200.
    ///
    /// # Panics
    /// When it does not.
    pub fn answers(&self, path: &str) {
        eventually("the container answers", START, || {
            match self.send("GET", path, "") {
                Some((200, _)) => Ok(()),
                other => Err(other),
            }
        });
    }

    /// Where its port is reached now; none when it has ended.
    pub fn address(&self) -> Option<SocketAddr> {
        let out = docker(&["port", &self.id, "8080"]);
        let text = String::from_utf8_lossy(&out.stdout);
        let port = text.lines().next()?.rsplit(':').next()?;
        Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into())
    }

    /// Status and body of the answer to a request on a connection of
    /// its own; none when there is no answer.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Option<(u16, String)> {
        send(self.address()?, method, path, body)
    }

    /// A field of `docker inspect`.
    pub fn inspect(&self, format: &str) -> String {
        output(&["inspect", "--format", format, &self.id])
    }

    /// Both outputs so far.
    pub fn logs(&self) -> String {
        let out = docker(&["logs", &self.id]);
        let both = [out.stdout, out.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    /// Waits until it has ended for good.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ended(&self) {
        eventually("the container ends", START, || {
            match self.inspect("{{.State.Status}}") {
                status if status == "exited" => Ok(()),
                other => Err(other),
            }
        });
    }

    /// Any docker command that takes a container's name last.
    ///
    /// # Panics
    /// When it fails.
    pub fn docker(&self, args: &[&str]) -> String {
        output(&[args, &[&self.id]].concat())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.id]);
    }
}

fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker runs")
}

/// Status and body of the answer to one request; none when the
/// connection was refused, or ended without an answer.
pub fn send(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Option<(u16, String)> {
    answer(ask(server, method, path, body)?)
}

/// Sends a request, and waits for nothing.
pub fn ask(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(START)).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    Some(stream)
}

/// Status and body of the answer to what was asked; none when the
/// connection ended without one.
pub fn answer(mut stream: TcpStream) -> Option<(u16, String)> {
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
