//! The machine's Docker engine: whether one answers, and how one is started where none does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{QUESTION, ask, on_path, tail};
use crate::observe::Engine;

/// Where an engine that the set-up started writes its log.
pub const LOG: &str = "/var/log/book-dockerd.log";

/// How long an engine may take until it answers: the first start of one that was killed takes longest.
const START: Duration = Duration::from_secs(60);

/// Asks the client for its engine's version.
pub fn ask_for_version() -> Engine {
    let elsewhere = ["DOCKER_HOST", "DOCKER_CONTEXT"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|v| !v.is_empty() && v != "default" && !v.ends_with("/run/docker.sock"));
    let Some(out) = ask(
        Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]),
        QUESTION,
    ) else {
        let why = format!("`docker version` gives no answer in {} s", QUESTION.as_secs());
        return Engine::Silent { why, elsewhere };
    };
    let version = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    if out.status.success() && !version.is_empty() {
        return Engine::Answers { version };
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let why = said
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty())
        .unwrap_or("no engine answers")
        .to_owned();
    Engine::Silent { why, elsewhere }
}

/// The engine's program. Root's `PATH` may lack the folder that it is in.
pub fn dockerd() -> Option<PathBuf> {
    on_path("dockerd").or_else(|| {
        ["/usr/sbin/dockerd", "/usr/bin/dockerd"]
            .map(PathBuf::from)
            .into_iter()
            .find(|p| p.is_file())
    })
}

/// Starts the machine's engine if none answers, and waits until it does. Says its version and log.
pub fn start(systemd: bool) -> Result<String> {
    if let Engine::Answers { version } = ask_for_version() {
        return Ok(format!("Docker {version} answers already"));
    }
    if systemd {
        let out = Command::new("systemctl")
            .args(["start", "docker"])
            .output()
            .context("systemctl")?;
        if !out.status.success() {
            bail!(
                "{}\n  fix: journalctl -u docker",
                String::from_utf8_lossy(&out.stderr).trim()
            );
        }
        return answer(&mut || Ok(()), "journalctl -u docker").map(|v| format!("Docker {v}"));
    }
    let run = Path::new("/var/run");
    let pid_file = run.join("docker.pid");
    if let Some(pid) = running(&pid_file, "dockerd") {
        // It may be starting: somebody else's start, which is as good as ours.
        let mut alive = || match running(&pid_file, "dockerd") {
            Some(_) => Ok(()),
            None => bail!("it has ended\n  fix: cargo book setup"),
        };
        let mend = format!("look into its log, end it by `kill {pid}`, then cargo book setup");
        return answer(&mut alive, &mend)
            .map(|v| format!("Docker {v} was starting already"))
            .with_context(|| format!("dockerd runs (process {pid})"));
    }
    for file in leftovers(run) {
        fs::remove_file(&file).with_context(|| format!("{}", file.display()))?;
    }
    let program = dockerd().context("there is no program dockerd\n  fix: cargo book setup")?;
    let log = File::create(LOG).context(LOG)?;
    // A session of its own: it outlives this terminal, and a Ctrl-C here is not for it. cargo's variables, such as
    // LD_LIBRARY_PATH, are not for it either.
    let mut engine = Command::new("setsid");
    engine
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HOME",
    ] {
        if let Some(value) = std::env::var_os(name) {
            engine.env(name, value);
        }
    }
    let mut child = engine
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("setsid does not start\n  fix: apt-get install util-linux")?;
    let mut alive = || match child.try_wait()? {
        None => Ok(()),
        Some(status) => bail!(
            "dockerd ended ({status})\n{}\n  fix: see {LOG}; inside a container, an engine needs `docker run --privileged`",
            tail(Path::new(LOG), 12)
        ),
    };
    let version = answer(&mut alive, &format!("see {LOG}"))?;
    Ok(format!("Docker {version}, log: {LOG}"))
}

/// Polls the engine until it answers.
fn answer(alive: &mut dyn FnMut() -> Result<()>, mend: &str) -> Result<String> {
    let end = Instant::now() + START;
    loop {
        if let Engine::Answers { version } = ask_for_version() {
            return Ok(version);
        }
        alive()?;
        if Instant::now() > end {
            bail!("no engine answers after {} s\n  fix: {mend}", START.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The process of a pid file, if it is alive and runs that program: after a kill, the number may be another's, or its
/// parent may not have asked how it ended, and then it keeps its name.
fn running(pid_file: &Path, program: &str) -> Option<u32> {
    let pid: u32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    // `PID (NAME) STATE …`; a name may hold anything, a bracket too.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, name) = stat.split_once('(')?;
    let (name, state) = name.rsplit_once(") ")?;
    (name == program && !state.starts_with(['Z', 'X'])).then_some(pid)
}

/// Files of an engine that was killed, which would keep a new one from starting: pid files whose process is gone, and
/// the sockets of a containerd that is gone. A containerd that lives on is left: the new engine takes it over.
fn leftovers(run: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let containerd = run.join("docker/containerd");
    if running(&run.join("docker.pid"), "dockerd").is_none() {
        found.push(run.join("docker.pid"));
    }
    if running(&containerd.join("containerd.pid"), "containerd").is_none() {
        found.extend(
            [
                "containerd.pid",
                "containerd.sock",
                "containerd.sock.ttrpc",
                "containerd-debug.sock",
            ]
            .map(|name| containerd.join(name)),
        );
    }
    found.retain(|file| file.symlink_metadata().is_ok());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_killed_engine_leaves_is_found_and_what_lives_is_not() {
        let run = tempfile::tempdir().expect("a folder");
        let containerd = run.path().join("docker/containerd");
        fs::create_dir_all(&containerd).expect("folders");
        assert_eq!(leftovers(run.path()), [] as [PathBuf; 0]);

        // The number of a process that is alive, but is no engine: this test.
        let alive = std::process::id();
        for file in [
            "docker.pid",
            "docker/containerd/containerd.pid",
            "docker/containerd/containerd.sock",
        ] {
            fs::write(run.path().join(file), alive.to_string()).expect("a file");
        }
        let found = leftovers(run.path());
        assert_eq!(found.len(), 3, "{found:?}");

        // A process whose name is that of the program is left alone, and so are its sockets.
        let name = fs::read_to_string(format!("/proc/{alive}/comm")).expect("a name");
        assert_eq!(running(&run.path().join("docker.pid"), name.trim()), Some(alive));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_killed_engine_that_nobody_has_buried_does_not_run() {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

        let run = tempfile::tempdir().expect("a folder");
        let file = run.path().join("docker.pid");
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
        fs::write(&file, child.id().to_string()).expect("a file");
        drop(child.stdin.take());
        // Waits for its end, and leaves it as it is.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&child)), ended).expect("its end");
        let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).expect("its name is still there");
        assert_eq!(name.trim(), "cat");
        assert_eq!(running(&file, "cat"), None);
        child.wait().expect("its end");
    }
}
