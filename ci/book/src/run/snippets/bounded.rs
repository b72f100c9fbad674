//! A program that may take so long and print so much, and that leaves nothing running.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::run::console::{keeper, processes};

/// Of what a program prints, the last so many bytes are kept.
const KEPT: usize = 256 * 1024;

/// How long the outputs may stay open after the end of the program and of all that it started.
const DRAIN: Duration = Duration::from_secs(1);

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// As a shell counts. `None`: it was ended because the budget was spent.
    pub code: Option<i32>,
    /// The end of what it printed.
    pub stdout: String,
    /// The same of standard error.
    pub stderr: String,
}

/// Runs a program without input. This process must not have other children: they end with it.
pub fn run(mut command: Command, budget: Duration) -> Result<Ended> {
    keeper::adopt_orphans();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("{:?} does not start", command.get_program()))?;
    let stdout = pump(child.stdout.take());
    let stderr = pump(child.stderr.take());
    let (tell, told) = mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let _ = tell.send(child.wait().map(|status| keeper::code(&status)).unwrap_or(-1));
    });
    let code = told.recv_timeout(budget).ok();
    processes::end_below(std::process::id(), None);
    let _ = waiting.join();
    Ok(Ended {
        code,
        stdout: stdout.text(),
        stderr: stderr.text(),
    })
}

struct Pump {
    bytes: mpsc::Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

fn pump(pipe: Option<impl Read + Send + 'static>) -> Pump {
    let (send, bytes) = mpsc::channel();
    let thread = pipe.map(|mut pipe| {
        std::thread::spawn(move || {
            let (mut kept, mut buffer) = (VecDeque::new(), [0; 8192]);
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                kept.extend(&buffer[..read]);
                if kept.len() > KEPT {
                    kept.drain(..kept.len() - KEPT);
                }
            }
            let _ = send.send(kept.into());
        })
    });
    Pump { bytes, thread }
}

impl Pump {
    fn text(self) -> String {
        // Somebody else may have been given the pipe; what it prints later is not the program's.
        let bytes = self.bytes.recv_timeout(DRAIN).unwrap_or_default();
        drop(self.thread);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
