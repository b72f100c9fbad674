//! What this machine has. Facts only: what follows from them is decided in [`crate::plan`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::browser::Browser;
use crate::cluster::{self, Cluster};
use crate::command::{QUESTION, ask, first_line, on_path};
use crate::images::Image;
use crate::tools::{self, Rustc};
use crate::{Lane, build, engine, plan};

/// What was seen on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Debian's codename (`bookworm`), when this is Debian itself and apt is there.
    pub debian: Option<String>,
    /// Whether this process may install packages and start engines.
    pub root: bool,
    /// Whether there is a bundle of CA certificates. One that is there is never touched: it may hold more than Debian's.
    pub bundle: bool,
    /// Whether systemd runs the machine, and has a unit `docker`.
    pub systemd_unit: bool,
    /// Release, host and LLVM of rustc.
    pub rustc: Option<Rustc>,
    /// `cargo --version`.
    pub cargo: Option<String>,
    /// First line of `cc --version`.
    pub cc: Option<String>,
    /// `git --version`.
    pub git: Option<String>,
    /// Where `llvm-profdata` and `llvm-cov` are.
    pub llvm: Option<[PathBuf; 2]>,
    /// Whether rustup can add a component to the compiler.
    pub rustup: bool,
    /// `docker --version`.
    pub client: Option<String>,
    /// The engine's version, or why none answers.
    pub engine: Engine,
    /// Whether the program `dockerd` is there.
    pub dockerd: bool,
    /// buildx's version.
    pub buildx: Option<String>,
    /// compose's version.
    pub compose: Option<String>,
    /// What the engine has under the images' names.
    pub images: BTreeMap<String, Present>,
    /// kind's version: `0.33.0`.
    pub kind: Option<String>,
    /// kubectl's version: `v1.36.4`.
    pub kubectl: Option<String>,
    /// The shared cluster.
    pub cluster: Cluster,
    /// The images for pods that its nodes have, as the engine has them today.
    pub loaded: BTreeSet<String>,
    /// Node, Chromium and what drives it.
    pub browser: Browser,
}

/// Whether an engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// It does.
    Answers {
        /// Its version.
        version: String,
    },
    /// It does not.
    Silent {
        /// What the client said.
        why: String,
        /// Where the client looks, when it was told to look elsewhere than on this machine.
        elsewhere: Option<String>,
    },
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::Silent {
            why: "there is no `docker` on PATH".into(),
            elsewhere: None,
        }
    }
}

/// An image that the engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Its id.
    pub id: String,
    /// The key of the recipe it was built from; `None` when it was not built by the set-up.
    pub recipe: Option<String>,
    /// What it truly is, in words.
    pub truth: String,
}

impl Observed {
    /// Looks at this machine, as far as the lanes of the book below `root` need.
    pub fn now(root: &Path, lanes: &[Lane], images: &[Image]) -> Observed {
        let mut seen = Observed {
            debian: debian(),
            root: is_root(),
            bundle: build::bundle().is_some(),
            ..Observed::default()
        };
        // Each question starts a program: ask side by side.
        thread::scope(|scope| {
            let offline = lanes.contains(&Lane::Offline).then(|| scope.spawn(offline));
            let engine = lanes.contains(&Lane::Docker) || lanes.contains(&Lane::Kind);
            let docker = engine.then(|| scope.spawn(|| docker(images)));
            let kind = lanes.contains(&Lane::Kind).then(|| scope.spawn(|| kind(root, images)));
            let browser = lanes
                .contains(&Lane::Browser)
                .then(|| scope.spawn(|| Browser::now(root)));
            if let Some(Ok(o)) = offline.map(|t| t.join()) {
                (seen.rustc, seen.cargo, seen.cc, seen.git) = (o.rustc, o.cargo, o.cc, o.git);
                (seen.llvm, seen.rustup) = (o.llvm, o.rustup);
            }
            if let Some(Ok(d)) = docker.map(|t| t.join()) {
                (seen.client, seen.engine, seen.dockerd) = (d.client, d.engine, d.dockerd);
                (seen.buildx, seen.compose, seen.images) = (d.buildx, d.compose, d.images);
                seen.systemd_unit = d.systemd_unit;
            }
            if let Some(Ok(k)) = kind.map(|t| t.join()) {
                (seen.kind, seen.kubectl, seen.cluster, seen.loaded) = (k.kind, k.kubectl, k.cluster, k.loaded);
            }
            if let Some(Ok(b)) = browser.map(|t| t.join()) {
                seen.browser = b;
            }
        });
        seen
    }
}

fn offline() -> Observed {
    thread::scope(|scope| {
        let cargo = scope.spawn(|| first_line("cargo", &["--version"]));
        let cc = scope.spawn(|| first_line("cc", &["--version"]));
        let git = scope.spawn(|| first_line("git", &["--version"]));
        let sysroot = scope.spawn(tools::sysroot);
        let rustc = Rustc::ask();
        let sysroot = sysroot.join().ok().flatten();
        let tool = |name| tools::find(name, rustc.as_ref()?, sysroot.as_ref()?);
        Observed {
            llvm: tool("llvm-profdata").zip(tool("llvm-cov")).map(|(a, b)| [a, b]),
            rustup: sysroot.as_deref().is_some_and(tools::by_rustup),
            rustc,
            cargo: cargo.join().ok().flatten(),
            cc: cc.join().ok().flatten(),
            git: git.join().ok().flatten(),
            ..Observed::default()
        }
    })
}

fn docker(images: &[Image]) -> Observed {
    let dockerd = engine::dockerd().is_some();
    let systemd_unit = std::path::Path::new("/run/systemd/system").exists()
        && first_line("systemctl", &["list-unit-files", "--no-legend", "docker.service"]).is_some();
    if on_path("docker").is_none() {
        return Observed {
            dockerd,
            systemd_unit,
            ..Observed::default()
        };
    }
    thread::scope(|scope| {
        let client = scope.spawn(|| first_line("docker", &["--version"]));
        let buildx = scope.spawn(|| plugin("buildx"));
        let compose = scope.spawn(|| plugin("compose"));
        let engine = engine::ask_for_version();
        let images = match engine {
            Engine::Answers { .. } => build::present(images.iter().map(|i| i.name.as_str())),
            Engine::Silent { .. } => BTreeMap::new(),
        };
        Observed {
            client: client.join().ok().flatten(),
            buildx: buildx.join().ok().flatten(),
            compose: compose.join().ok().flatten(),
            engine,
            dockerd,
            systemd_unit,
            images,
            ..Observed::default()
        }
    })
}

fn kind(root: &Path, images: &[Image]) -> Observed {
    thread::scope(|scope| {
        let kind = scope.spawn(|| first_line("kind", &["--version"]));
        let kubectl = scope.spawn(|| first_line("kubectl", &["version", "--client"]));
        let shared = cluster::shared(root);
        let cluster = shared.observe();
        let loaded = images
            .iter()
            .filter(|image| plan::runs_in_the_cluster(image) && shared.holds(&image.name));
        // `kind version 0.33.0`, `Client Version: v1.36.4`.
        let last = |line: String| line.split_whitespace().last().map(str::to_owned);
        Observed {
            kind: kind.join().ok().flatten().and_then(last),
            kubectl: kubectl.join().ok().flatten().and_then(last),
            loaded: loaded.map(|image| image.name.clone()).collect(),
            cluster,
            ..Observed::default()
        }
    })
}

/// A plug-in's version, without the words around it. A client that lacks the plug-in prints its own help instead.
fn plugin(name: &str) -> Option<String> {
    let out = ask(Command::new("docker").args([name, "version"]), QUESTION)?;
    let text = String::from_utf8_lossy(&out.stdout);
    let is_version = |w: &&str| w.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && w.contains('.');
    let word = text.split_whitespace().find(is_version)?;
    out.status.success().then(|| word.trim_start_matches('v').to_owned())
}

fn debian() -> Option<String> {
    on_path("apt-get")?;
    codename(&std::fs::read_to_string("/etc/os-release").ok()?)
}

/// The codename in the text of `/etc/os-release`, when it is Debian's.
fn codename(text: &str) -> Option<String> {
    let field = |name: &str| {
        text.lines()
            .find_map(|l| Some(l.strip_prefix(name)?.strip_prefix('=')?.trim_matches('"').to_owned()))
    };
    if field("ID")? == "debian" {
        field("VERSION_CODENAME")
    } else {
        None
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_itself_is_debian() {
        assert_eq!(
            codename("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(),
            Some("bookworm")
        );
        assert_eq!(
            codename("ID=\"debian\"\nVERSION_CODENAME=\"trixie\"\n").as_deref(),
            Some("trixie")
        );
        assert_eq!(codename("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n"), None);
    }
}
