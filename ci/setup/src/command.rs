//! Running programs: quick questions, and long work with its output in a file. Each has a budget.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A program that is asked for its version answers within this, or is taken as missing. Most take 20 ms; a client whose
/// engine is behind a dead network would take minutes.
pub const QUESTION: Duration = Duration::from_secs(4);

/// How often long work says how far it is.
const NEWS: Duration = Duration::from_secs(30);

/// Waits for a child, and kills it when its time is over. `None` when it was killed.
pub fn wait(child: &mut Child, budget: Duration) -> std::io::Result<Option<ExitStatus>> {
    wait_telling(child, budget, |_| {})
}

/// As [`wait`]; calls `news` every [`NEWS`] with the time that has passed.
fn wait_telling(
    child: &mut Child,
    budget: Duration,
    mut news: impl FnMut(Duration),
) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let end = begun + budget;
    let mut next = begun + NEWS;
    loop {
        if Instant::now() > next {
            news(begun.elapsed());
            next += NEWS;
        }
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

/// What a program prints, if it ends within the budget.
pub fn ask(command: &mut Command, budget: Duration) -> Option<Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let drain = |pipe: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                // What could not be read is not there; the status decides.
                let _ = pipe.read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let stdout = drain(child.stdout.take().map(|p| Box::new(p) as _));
    let stderr = drain(child.stderr.take().map(|p| Box::new(p) as _));
    // A killed program's children may hold the pipes: then nobody waits for the readers.
    let status = wait(&mut child, budget).ok()??;
    Some(Output {
        status,
        stdout: stdout.join().ok()?,
        stderr: stderr.join().ok()?,
    })
}

/// The first line that a program prints on standard output, when it succeeds.
pub fn first_line(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let out = ask(Command::new(program).args(args), QUESTION)?;
    let text = String::from_utf8_lossy(&out.stdout);
    let line = text.lines().next().unwrap_or_default().trim();
    (out.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// Runs long work with its output in a file. On standard error it says now and then how far that is.
///
/// # Errors
/// When it does not start, fails, or exceeds the budget: with the last lines of its output and the file's name.
pub fn logged(command: &mut Command, log: &Path, budget: Duration) -> Result<()> {
    let file = File::create(log).with_context(|| format!("{}", log.display()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("`{program}` does not start"))?;
    let news = |passed: Duration| {
        let last = tail(log, 1);
        let last: String = last.trim_start_matches("  | ").chars().take(90).collect();
        eprint!("\n      {} s: {last} ", passed.as_secs());
    };
    match wait_telling(&mut child, budget, news)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{program}: {status}\n{}\n  all of it: {}", tail(log, 15), log.display()),
        None => bail!(
            "{program}: not done after {} s\n{}\n  all of it: {}",
            budget.as_secs(),
            tail(log, 15),
            log.display()
        ),
    }
}

/// The last lines of a file, indented.
pub fn tail(file: &Path, count: usize) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|l| format!("  | {l}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where a program is on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
