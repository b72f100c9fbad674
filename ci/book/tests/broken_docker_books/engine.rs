//! What is on the engine, and a way to it that can be cut.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What a docker command prints.
pub fn docker(args: &[&str]) -> String {
    let out = ask(args);
    assert!(out.status.success(), "{out:?}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A docker command that may fail.
pub fn ask(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker")
}

/// What the tests of a run left, by the id of its process.
pub fn left(id: u32) -> Vec<String> {
    let label = "{{.Label \"book.test\"}} {{.Names}}";
    let things = [
        docker(&["ps", "--all", "--format", label]),
        docker(&["network", "ls", "--format", &label.replace("Names", "Name")]),
        docker(&["volume", "ls", "--format", &label.replace("Names", "Name")]),
    ];
    let images = docker(&[
        "image",
        "ls",
        "--filter=label=book.test",
        "--format={{.Tag}} {{.Repository}}",
    ]);
    let run = format!("{id}-");
    things
        .iter()
        .flat_map(|text| text.lines())
        .chain(images.lines())
        .filter(|line| line.starts_with(&run))
        .map(str::to_owned)
        .collect()
}

/// Nothing is.
pub fn nothing_left(id: u32) -> Result<(), String> {
    match left(id) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("left on the engine: {left:?}")),
    }
}

/// A socket of this test that leads to the machine's engine. Who uses it sees that engine die when it is cut; others see
/// nothing.
pub struct Way {
    folder: tempfile::TempDir,
    state: Arc<State>,
    accepts: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    is_cut: AtomicBool,
    /// Both ends of each connection.
    open: Mutex<Vec<UnixStream>>,
}

impl Way {
    pub fn to_the_engine() -> Way {
        let host = docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
        let engine = PathBuf::from(host.trim().strip_prefix("unix://").expect("an engine behind a socket"));
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket");
        let state = Arc::new(State::default());
        let accepts = thread::spawn({
            let state = state.clone();
            move || {
                for client in listener.incoming() {
                    if state.is_cut.load(Ordering::SeqCst) {
                        return;
                    }
                    let both = client.and_then(|client| Ok((client, UnixStream::connect(&engine)?)));
                    both.and_then(|(client, engine)| state.join(client, engine))
                        .expect("the engine");
                }
            }
        });
        Way {
            folder,
            state,
            accepts: Some(accepts),
        }
    }

    /// As `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("s").display())
    }

    /// Ends what is under way, and nobody gets through any more.
    pub fn cut(&mut self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        let socket = self.folder.path().join("s");
        // The last one, which nobody answers.
        let _ = UnixStream::connect(&socket);
        let _ = std::fs::remove_file(&socket);
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
        for end in self.state.open.lock().expect("no panic").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.cut();
    }
}

impl State {
    /// Carries bytes both ways until both sides have said all.
    fn join(&self, client: UnixStream, engine: UnixStream) -> io::Result<()> {
        let mut open = self.open.lock().expect("no panic");
        for (from, to) in [(&client, &engine), (&engine, &client)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
        open.extend([client, engine]);
        Ok(())
    }
}
