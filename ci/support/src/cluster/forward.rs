//! A port of a Service or a pod, on 127.0.0.1.

use std::io::{BufRead, BufReader, Read, Seek};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use super::kubeconfig;
use crate::docker::{Answer, http};

/// A way into the cluster that closes when dropped. It leads to one pod, and ends with that pod.
#[derive(Debug)]
pub struct Forward {
    child: Child,
    address: SocketAddr,
}

impl Forward {
    #[track_caller]
    pub(super) fn open(namespace: &str, what: &str, port: u16) -> Forward {
        let mut errors = tempfile::tempfile().expect("a temporary file");
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(kubeconfig())
            .args(["--namespace", namespace, "port-forward", "--address=127.0.0.1", what])
            // The kernel chooses the port on this side.
            .arg(format!(":{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().expect("a second handle of a file"))
            .spawn()
            .unwrap_or_else(|e| panic!("kubectl does not start: {e}\n  fix: cargo book setup --lane kind"));
        let mut said = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let mut line = String::new();
        // It says where it listens, or ends.
        let _ = said.read_line(&mut line);
        let chosen = line
            .strip_prefix("Forwarding from 127.0.0.1:")
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u16>().ok());
        let Some(chosen) = chosen else {
            let _ = child.kill();
            let _ = child.wait();
            let mut why = String::new();
            let _ = errors.rewind().and_then(|()| errors.read_to_string(&mut why));
            panic!("{what} cannot be reached at port {port}: {line}{why}");
        };
        // It tells of each connection, and dies when nobody listens.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Forward {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, chosen)),
        }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A GET.
    ///
    /// # Errors
    /// When nothing answers.
    pub fn get(&self, path: &str) -> std::io::Result<Answer> {
        http::send(self.address, "GET", path, &[], "")
    }

    /// Any request; a body is sent as JSON.
    ///
    /// # Errors
    /// When nothing answers.
    pub fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        http::send(self.address, method, path, &[], body)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
