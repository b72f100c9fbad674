//! One bash, kept by a keeper, that runs one command after another and says how each ended.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::processes::{self, Process};
use crate::run::snippets::ROLE;

/// More output than this of one command, in bytes, and it is ended.
pub const FLOOD: usize = 8 << 20;

/// How long the shell may take to start or to change its folder, and a process to end that was told to.
const START: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(1);

/// What bash runs: it reads commands, each ended by NUL, and after each prints a mark with its exit code. Commands
/// get `$?` of the one before, and no input.
const LOOP: &str = r#"shopt -s expand_aliases
__book_code() { return "$1"; }
__book_last=0
printf '\037%s:%d\037' TOKEN "$$"
while IFS= read -r -d '' __book_command; do
  __book_code "$__book_last"
  eval "$__book_command" </dev/null
  __book_last=$?
  printf '\037%s:%d\037' TOKEN "$__book_last"
done"#;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// It ended the shell, with this exit code.
    Shell(i32),
    /// The budget was spent.
    Late,
    /// It printed more than [`FLOOD`].
    Flood,
}

/// One command's end and all that was printed until then.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Both outputs, as they came.
    pub output: Vec<u8>,
}

/// A running bash. When it is dropped, everything that it started ends.
#[derive(Debug)]
pub struct Session {
    keeper: Child,
    commands: Option<ChildStdin>,
    output: mpsc::Receiver<Vec<u8>>,
    pending: Vec<u8>,
    token: String,
    /// bash's process id.
    shell: u32,
}

impl Session {
    /// Starts bash in a folder, with some variables over those that every session has.
    pub fn start(dir: &Path, variables: &[(&str, OsString)]) -> Result<Session> {
        if std::env::var_os(ROLE).is_some() {
            // Started as a keeper, yet here: its `main` does not ask for its role, and would start itself for ever.
            bail!("this program cannot keep a session\n  fix: let main() call snippets::rustc_wrapper_main() first");
        }
        let token = format!("{:016x}", std::hash::RandomState::new().build_hasher().finish());
        let (mut reader, writer) = std::io::pipe()?;
        let mut command = Command::new(crate::run::own_program()?);
        command.args([
            "bash",
            "--noprofile",
            "--norc",
            "-c",
            &LOOP.replace("TOKEN", &token),
            "bash",
        ]);
        environment(&mut command, std::env::vars_os());
        let mut keeper = command
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env(ROLE, format!("keep:{token}"))
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .context("the keeper of shell sessions does not start")?;
        // It holds the pipe's other end, which has to end with the session.
        drop(command);
        let (send, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let commands = keeper.stdin.take();
        let mut session = Session {
            keeper,
            commands,
            output,
            pending: Vec::new(),
            token,
            shell: 0,
        };
        let ready = session.wait(START);
        let End::Code(shell) = ready.end else {
            bail!(
                "bash does not start: {}\n  fix: install bash",
                String::from_utf8_lossy(&ready.output).trim()
            );
        };
        session.shell = u32::try_from(shell)?;
        Ok(session)
    }

    /// Runs one command.
    pub fn run(&mut self, command: &str, budget: Duration) -> Result<Ended> {
        let sent = self.send(command.as_bytes());
        let ended = if sent {
            self.wait(budget)
        } else {
            Ended {
                end: End::Shell(-1),
                output: Vec::new(),
            }
        };
        if matches!(ended.end, End::Late | End::Flood) {
            processes::end_below(self.keeper.id(), None);
        }
        Ok(ended)
    }

    /// Changes the shell's folder.
    pub fn enter(&mut self, dir: &Path, budget: Duration) -> Result<()> {
        let inner = dir
            .to_str()
            .context("a folder's name is not UTF-8")?
            .replace('\'', r"'\''");
        match self.run(&format!("cd -- '{inner}'"), budget)?.end {
            End::Code(0) => Ok(()),
            end => bail!("cd {} failed: {end:?}", dir.display()),
        }
    }

    /// What the commands started and what still runs, bash itself not counted.
    pub fn processes(&self) -> BTreeSet<Process> {
        let mut found = processes::below(self.keeper.id());
        found.retain(|p| p.pid != self.shell);
        found
    }

    /// The same, once those that were told to end have had the time.
    pub fn left(&self) -> BTreeSet<Process> {
        processes::wait_gone(self.keeper.id(), SETTLE, |p| p.pid != self.shell)
    }

    /// Ends the shell and all that it started.
    pub fn end(mut self) {
        self.finish();
    }

    /// A process as a finding names it.
    pub fn name_of(&self, process: &Process) -> String {
        // A copy of the shell has the shell's own command line.
        if process.command.contains(&self.token) {
            return "a loop or a group of commands".into();
        }
        format!("`{}`", process.command)
    }

    fn send(&mut self, command: &[u8]) -> bool {
        let Some(pipe) = &mut self.commands else { return false };
        pipe.write_all(command)
            .and_then(|()| pipe.write_all(b"\0"))
            .and_then(|()| pipe.flush())
            .is_ok()
    }

    /// Until the next mark.
    fn wait(&mut self, budget: Duration) -> Ended {
        let deadline = Instant::now() + budget;
        let mut searched = 0;
        loop {
            if let Some((from, until, end)) = mark(&self.pending, &self.token, searched) {
                let output = self.pending[..from].to_vec();
                self.pending.drain(..until);
                return Ended { end, output };
            }
            // A mark may have come in part.
            searched = self.pending.len().saturating_sub(self.token.len() + 16);
            let end = match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(_) if self.pending.len() > FLOOD => End::Flood,
                Ok(bytes) => {
                    self.pending.extend(bytes);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => End::Late,
                Err(RecvTimeoutError::Disconnected) => End::Shell(-1),
            };
            return Ended {
                end,
                output: std::mem::take(&mut self.pending),
            };
        }
    }

    fn finish(&mut self) {
        processes::end_below(self.keeper.id(), None);
        // The keeper ends what appeared meanwhile, and then itself.
        drop(self.commands.take());
        let _ = self.keeper.wait();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The first mark at or after `from`: where it begins, where it ends, what it says.
pub fn mark(bytes: &[u8], token: &str, from: usize) -> Option<(usize, usize, End)> {
    let start = format!("\x1f{token}");
    let begin = from + bytes[from..].windows(start.len()).position(|w| w == start.as_bytes())?;
    let rest = &bytes[begin + start.len()..];
    let close = rest.iter().position(|b| *b == 0x1f)?;
    let (kind, code) = std::str::from_utf8(&rest[..close]).ok()?.split_at_checked(1)?;
    let code = code.parse().ok()?;
    let end = if kind == "!" { End::Shell(code) } else { End::Code(code) };
    Some((begin, begin + start.len() + close + 1, end))
}

/// What a reader's shell has, in a form that prints the same everywhere: no colours, English, and nothing of the cargo
/// that runs this program.
fn environment(command: &mut Command, vars: impl Iterator<Item = (OsString, OsString)>) {
    for (name, value) in vars {
        let text = name.to_string_lossy();
        // These say where this machine keeps toolchains and how it reaches the network, and are the reader's own.
        let own = [
            "CARGO_HOME",
            "CARGO_NET_",
            "CARGO_HTTP_",
            "CARGO_REGISTRIES_",
            "CARGO_REGISTRY_",
            "RUSTUP_HOME",
            "RUSTUP_DIST_",
        ];
        let inherited = [
            "CARGO",
            "RUST",
            "BOOK_",
            "LLVM_PROFILE_FILE",
            "LC_",
            "LANG",
            "CLICOLOR",
            "FORCE_COLOR",
            "BASH_",
        ];
        let shell = [
            "ENV",
            "COLUMNS",
            "LINES",
            "OUT_DIR",
            "COLORTERM",
            "PS1",
            "PS2",
            "PROMPT_COMMAND",
            "SHLVL",
            "OLDPWD",
        ];
        let is = |list: &[&str]| list.iter().any(|start| text.starts_with(start));
        if (is(&inherited) && !is(&own)) || shell.contains(&&*text) {
            command.env_remove(&name);
        } else if text.ends_with("LD_LIBRARY_PATH") || text.ends_with("DYLD_FALLBACK_LIBRARY_PATH") {
            // cargo puts its target folder and the compiler's libraries there.
            let kept: Vec<_> = std::env::split_paths(&value)
                .filter(|p| !p.ends_with("deps") && !p.ends_with("debug") && !p.ends_with("release"))
                .filter(|p| {
                    !p.components()
                        .any(|c| c.as_os_str() == "rustlib" || c.as_os_str() == "build")
                })
                .filter(|p| !p.as_os_str().is_empty())
                .collect();
            match std::env::join_paths(&kept) {
                Ok(paths) if !kept.is_empty() => command.env(&name, paths),
                _ => command.env_remove(&name),
            };
        }
    }
    command
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1");
}

/// The text without the sequences that colour a terminal, move its cursor or name its window.
pub fn without_escapes(text: &str) -> std::borrow::Cow<'_, str> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
            .expect("a constant pattern")
    });
    PATTERN.replace_all(text, "")
}

/// A line of bash as an interactive bash prints it: without the number of a line that no reader sees. Nothing for what
/// it says of background processes that ended, which an interactive one words otherwise.
pub fn as_typed(line: &str) -> Option<String> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^bash: line \d+: +").expect("a constant pattern"));
    static JOB: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\d+ (?:Done|Exit \d+|Terminated|Killed|Hangup|Interrupt|Quit|Aborted|Stopped)\b")
            .expect("a constant pattern")
    });
    let rest = PATTERN.replace(line, "");
    if rest.len() == line.len() {
        return Some(line.to_owned());
    }
    (!JOB.is_match(&rest)).then(|| format!("bash: {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_mark_is_found_also_when_it_comes_in_parts() {
        let token = "0123";
        assert_eq!(mark(b"out\n\x1f0123:7\x1frest", token, 0), Some((4, 12, End::Code(7))));
        assert_eq!(mark(b"out\n\x1f0123!7\x1f", token, 2), Some((4, 12, End::Shell(7))));
        assert_eq!(mark(b"out\n\x1f0123:7", token, 0), None);
        assert_eq!(mark(b"out\n\x1f9999:7\x1f", token, 0), None);
    }

    #[test]
    fn the_tool_s_own_variables_do_not_reach_the_page() {
        let given = [
            ("PATH", "/bin"),
            ("HOME", "/home/reader"),
            ("CARGO_HOME", "/c"),
            ("CARGO_TARGET_DIR", "/t"),
            ("CARGO_MANIFEST_DIR", "/m"),
            ("RUSTC_WORKSPACE_WRAPPER", "/w"),
            ("RUST_BACKTRACE", "1"),
            ("RUSTUP_HOME", "/r"),
            ("BOOK_WORK", "/b"),
            ("LLVM_PROFILE_FILE", "/p"),
            ("LANG", "de_DE"),
            (
                "LD_LIBRARY_PATH",
                "/t/debug/deps:/t/debug:/s/lib/rustlib/x/lib:/opt/lib",
            ),
        ];
        let mut command = Command::new("true");
        environment(
            &mut command,
            given.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))),
        );
        let set: BTreeMap<String, Option<String>> = command
            .get_envs()
            .map(|(n, v)| {
                (
                    n.to_string_lossy().into_owned(),
                    v.map(|v| v.to_string_lossy().into_owned()),
                )
            })
            .collect();
        for gone in [
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUST_BACKTRACE",
            "BOOK_WORK",
            "LLVM_PROFILE_FILE",
            "LANG",
        ] {
            assert_eq!(set.get(gone), Some(&None), "{gone}");
        }
        for kept in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            assert_eq!(set.get(kept), None, "{kept}");
        }
        assert_eq!(set["LD_LIBRARY_PATH"].as_deref(), Some("/opt/lib"));
        assert_eq!(set["NO_COLOR"].as_deref(), Some("1"));
    }
}
