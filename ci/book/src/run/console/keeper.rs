//! A process between the verifier and what a page starts, so that nothing of it outlives the run.
//!
//! The verifier starts itself once more as a keeper, and the keeper starts the program. On Linux a keeper is a
//! *subreaper*: whatever the program leaves behind, also by `setsid` or a double fork, becomes the keeper's child, so
//! [`below`](super::processes::below) the keeper is all that the program ever started. The keeper ends all of it when
//! its standard input ends: when the verifier closes it, and also when the verifier is killed.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::processes;
use crate::run::snippets::ROLE;

/// How long a shell may take to end once its input has.
const GRACE: Duration = Duration::from_secs(1);

/// Makes this process a reaper of what its children leave behind, where the system knows that.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        // Without it, only those that detach themselves twice escape.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
}

/// The keeper's whole life: runs the program that its arguments name, hands its own input on, and when that ends,
/// ends everything. Prints `\x1fTOKEN!CODE\x1f` when the program ends by itself.
pub fn main(token: &str, mut args: impl Iterator<Item = OsString>) -> ExitCode {
    adopt_orphans();
    // Away from the terminal: nothing below may ask it for a password, and Ctrl-C is the verifier's.
    let _ = rustix::process::setsid();
    let Some(program) = args.next() else {
        return ExitCode::from(2);
    };
    let child = Command::new(&program)
        .args(args)
        .env_remove(ROLE)
        .stdin(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("{} does not start: {error}", program.to_string_lossy());
            return ExitCode::from(127);
        }
    };
    let own = std::process::id();
    let mut commands = child.stdin.take();
    let (input_ended, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        let mut input = std::io::stdin();
        while let Ok(read @ 1..) = input.read(&mut buffer) {
            // A program that reads no more is not yet a reason to end what else there is.
            if let Some(pipe) = &mut commands
                && pipe.write_all(&buffer[..read]).and_then(|()| pipe.flush()).is_err()
            {
                commands = None;
            }
        }
        drop(commands);
        let _ = input_ended.send(());
    });
    let (tell, told) = mpsc::channel();
    let token = token.to_owned();
    std::thread::spawn(move || {
        let code = child.wait().map(|status| code(&status)).unwrap_or(-1);
        let mut out = std::io::stdout();
        let _ = write!(out, "\x1f{token}!{code}\x1f").and_then(|()| out.flush());
        let _ = tell.send(());
    });
    // Either end of the channel may be gone only with the process.
    let _ = ended.recv();
    let _ = told.recv_timeout(GRACE);
    processes::end_below(own, None);
    ExitCode::SUCCESS
}

/// As a shell counts: 128 and the signal's number for one that was killed.
pub fn code(status: &std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}
