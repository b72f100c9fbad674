//! A program that is run to its end under a keeper, with one text of both outputs.

use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::processes;
use super::session::{End, mark};
use crate::run::snippets::ROLE;

/// How long a process may take to end whose program has.
const SETTLE: Duration = Duration::from_secs(1);

/// What a program did.
#[derive(Debug)]
pub struct Kept {
    /// Both outputs, as they came.
    pub output: String,
    /// Its exit code; `None` when the budget was spent and it was ended.
    pub code: Option<i32>,
    /// Command lines of what it left running. It has been ended.
    pub left: Vec<String>,
}

/// Runs a program. It and all that it starts ends with this call, and also with this process.
pub fn kept(program: &Path, budget: Duration, change: impl Fn(&mut Command)) -> Result<Kept> {
    kept_with(program, &[], budget, change)
}

/// As [`kept`], with arguments.
pub fn kept_with(
    program: &Path,
    arguments: &[OsString],
    budget: Duration,
    change: impl Fn(&mut Command),
) -> Result<Kept> {
    if std::env::var_os(ROLE).is_some() {
        bail!("this program cannot keep another\n  fix: let main() call snippets::rustc_wrapper_main() first");
    }
    let token = format!("{:016x}", std::hash::RandomState::new().build_hasher().finish());
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(crate::run::own_program()?);
    change(&mut command);
    let mut keeper = command
        .arg(program)
        .args(arguments)
        .env(ROLE, format!("keep:{token}"))
        .stdin(Stdio::piped())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .context("the keeper of test programs does not start")?;
    // It holds the pipe's other end, which has to end with the program.
    drop(command);
    let input = keeper.stdin.take();
    let (send, receive) = mpsc::channel();
    let pump = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if send.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + budget;
    let (mut bytes, mut searched) = (Vec::new(), 0);
    let code = loop {
        if let Some((from, until, end)) = mark(&bytes, &token, searched) {
            bytes.drain(from..until);
            let (End::Code(code) | End::Shell(code)) = end else {
                bail!("the keeper says nothing of the program's end");
            };
            break Some(code);
        }
        // A mark may have come in part.
        searched = bytes.len().saturating_sub(token.len() + 16);
        match receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(more) => bytes.extend(more),
            Err(RecvTimeoutError::Timeout) => break None,
            Err(RecvTimeoutError::Disconnected) => bail!("the keeper of a test program was ended"),
        }
    };
    let left = match code {
        // What has just been told to end has a moment for it.
        Some(_) => processes::wait_gone(keeper.id(), SETTLE, |_| true)
            .into_iter()
            .map(|p| p.command)
            .collect(),
        None => Vec::new(),
    };
    processes::end_below(keeper.id(), None);
    // The keeper ends what appeared meanwhile, and then itself.
    drop(input);
    keeper.wait()?;
    while let Ok(more) = receive.recv() {
        bytes.extend(more);
    }
    // The keeper says also of one that was ended how it ended.
    if let Some((from, until, _)) = mark(&bytes, &token, 0) {
        bytes.drain(from..until);
    }
    pump.join().map_err(|_| anyhow::anyhow!("reading the output failed"))?;
    Ok(Kept {
        output: String::from_utf8_lossy(&bytes).into_owned(),
        code,
        left,
    })
}
