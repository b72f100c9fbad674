//! The processes that a process started, and their end. Knows nothing of sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end when it is asked to, before it is made to.
const GRACE: Duration = Duration::from_secs(1);

/// Between two looks at the process table.
const LOOK: Duration = Duration::from_millis(10);

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, in the system's ticks: tells it from a later process with the same id.
    pub started: u64,
    /// The process that started it, or that took it over.
    pub parent: u32,
    /// Its command line.
    pub command: String,
}

/// Looks until two in a row are the same, at most.
const LOOKS: usize = 20;

/// All that run below `ancestor`, itself not counted. Those that have ended and only wait for their parent's
/// attention do not run.
///
/// The table is not read in one moment: of a process that starts another and ends meanwhile, one look can miss both.
/// What started it was seen to have ended, so the next look begins after the start and sees the other.
pub fn below(ancestor: u32) -> BTreeSet<Process> {
    let mut seen = look(ancestor);
    for _ in 1..LOOKS {
        let again = look(ancestor);
        if again == seen {
            break;
        }
        seen = again;
    }
    seen
}

fn look(ancestor: u32) -> BTreeSet<Process> {
    let table = table();
    let mut children: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
    for process in &table {
        children.entry(process.parent).or_default().push(process);
    }
    let (mut found, mut todo) = (BTreeSet::new(), vec![ancestor]);
    while let Some(pid) = todo.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if found.insert((*child).clone()) {
                todo.push(child.pid);
            }
        }
    }
    found
}

/// Ends all that run below `ancestor`, except `spared`: asks, and makes those end that do not listen. Also what they
/// start meanwhile.
pub fn end_below(ancestor: u32, spared: Option<u32>) {
    let asked = Instant::now();
    let mut told = BTreeSet::new();
    loop {
        let mut left = below(ancestor);
        left.retain(|p| Some(p.pid) != spared);
        if left.is_empty() || asked.elapsed() > GRACE * 3 {
            return;
        }
        for process in left {
            if asked.elapsed() > GRACE {
                signal(process.pid, Signal::KILL);
            } else if told.insert((process.pid, process.started)) {
                signal(process.pid, Signal::TERM);
                // One that is stopped hears nothing else.
                signal(process.pid, Signal::CONT);
            }
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Waits until nothing of `wanted` runs below `ancestor`; what is left when the time is up.
pub fn wait_gone(ancestor: u32, time: Duration, wanted: impl Fn(&Process) -> bool) -> BTreeSet<Process> {
    let start = Instant::now();
    loop {
        let mut left = below(ancestor);
        left.retain(&wanted);
        if left.is_empty() || start.elapsed() > time {
            return left;
        }
        std::thread::park_timeout(LOOK);
    }
}

fn signal(pid: u32, signal: Signal) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    // It may have ended by itself meanwhile, which is what was wanted.
    let _ = kill_process(pid, signal);
}

#[cfg(target_os = "linux")]
fn table() -> Vec<Process> {
    let Ok(dir) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    dir.filter_map(|entry| {
        let path = entry.ok()?.path();
        let pid: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let stat = String::from_utf8_lossy(&std::fs::read(path.join("stat")).ok()?).into_owned();
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        let parent = fields.get(1)?.parse().ok()?;
        let started = fields.get(19)?.parse().ok()?;
        let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let command = words
            .split(|b| *b == 0)
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>()
            .join(" ");
        let command = command.trim_end().to_owned();
        let command = if command.is_empty() { name.to_owned() } else { command };
        Some(Process {
            pid,
            started,
            parent,
            command,
        })
    })
    .collect()
}

#[cfg(not(target_os = "linux"))]
fn table() -> Vec<Process> {
    let Ok(out) = std::process::Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,state=,command="])
        .output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            if words.next()?.starts_with('Z') {
                return None;
            }
            let command = words.collect::<Vec<_>>().join(" ");
            (!command.starts_with("ps -A")).then_some(Process {
                pid,
                started: 0,
                parent,
                command,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_process_started_is_found_and_ended() {
        // The outer shell stays, as it reads: it is what stands above the others.
        let mut shell = Command::new("bash")
            .args([
                "-c",
                "bash -c 'tail -f /dev/null & trap \"\" TERM; tail -f /dev/null; true' & read -r word",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = shell.id();
        let start = Instant::now();
        while below(pid).len() < 3 && start.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(LOOK);
        }
        let found = below(pid);
        assert!(found.iter().any(|p| p.command == "tail -f /dev/null"), "{found:?}");
        assert_eq!(wait_gone(pid, Duration::from_millis(1), |_| true).len(), 3);
        end_below(pid, None);
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert_eq!(below(pid), BTreeSet::new());
        assert!(
            start.elapsed() > GRACE / 2,
            "the one that ignores SIGTERM takes the grace"
        );
    }
}
