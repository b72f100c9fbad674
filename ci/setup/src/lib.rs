//! What the lanes of a book need on a machine, and how to bring it there: tools, a Docker engine, images.
//!
//! [`doctor`] looks and changes nothing. [`plan`] says what is missing and what would be done about it; [`run`] does
//! it. A machine on which all is ready is left as it is. [`image_truth`] says what an image really is: pulled, or a
//! stand-in built here.
//!
//! | module | what lives there |
//! |---|---|
//! | [`observe`] | what this machine has; no decisions |
//! | [`plan`](mod@plan) | from what is missing to steps; no I/O, so it is tested without a machine |
//! | [`images`](mod@images) | `docker/images.toml` |
//! | `engine`, `debian`, `build` | the steps: start an engine, install packages, pull or build an image |
//! | [`cluster`] | the shared kind cluster, and its kubeconfig |
//! | [`browser`] | Node, Chromium and the npm packages that look at the site |
//! | `tools`, `command` | LLVM's tools; running programs with a budget |

pub mod browser;
mod build;
pub mod cluster;
mod command;
mod debian;
mod engine;
pub mod images;
pub mod observe;
pub mod plan;
mod tools;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use build::{ImageTruth, Origin, image_truth};
pub use images::{Image, ImagesError, images};
use observe::Observed;
pub use plan::{Action, PlanError, Step, costs};
pub use tools::llvm_tool;

/// Where checks run, and so what a machine must bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lane {
    /// Rust alone: a compiler, a linker, git, LLVM's coverage tools.
    Offline,
    /// A Docker engine with buildx and compose, and the book's images.
    Docker,
    /// kind and kubectl, the image of a node, and a cluster that lives.
    Kind,
    /// Node, a Chromium, and the packages that drive it.
    Browser,
}

impl Lane {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Lane::Offline => "offline",
            Lane::Docker => "docker",
            Lane::Kind => "kind",
            Lane::Browser => "browser",
        }
    }
}

/// One thing that a lane needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The lane that needs it.
    pub lane: Lane,
    /// What it is called: `rustc`, `docker engine`, `image rust:1.96-trixie`.
    pub name: String,
    /// Whether it is there.
    pub state: State,
}

impl Need {
    /// Whether it is there.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }
}

/// Whether a need is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there.
    Ready {
        /// Its version, for the evidence. An image's is its truth.
        version: String,
        /// Where it was found. May be empty.
        detail: String,
    },
    /// It is not.
    Missing {
        /// Why, in plain words.
        why: String,
        /// The command or step that mends it.
        fix: String,
    },
}

/// What is there and what is missing, one entry a need. Changes nothing; takes less than a second, unless something does
/// not answer.
///
/// Images that are optional are no need of a lane.
///
/// A malformed `docker/images.toml` is a need that is missing; [`images()`] gives the line.
pub fn doctor(root: &Path, lanes: &[Lane]) -> Vec<Need> {
    let (images, broken) = match images::images(root).and_then(|images| images::wanted(images, &[])) {
        Ok(images) => (images, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut needs = plan::needs(&Observed::now(root, lanes, &images), &images, lanes);
    let with_images = lanes.iter().find(|lane| matches!(lane, Lane::Docker | Lane::Kind));
    if let (Some(error), Some(lane)) = (broken, with_images) {
        let (why, fix) = (format!("{}:{}: {}", error.file, error.line, error.what), error.fix);
        needs.push(Need {
            lane: *lane,
            name: "images".into(),
            state: State::Missing { why, fix },
        });
    }
    needs
}

/// What [`run`] would do to make the lanes ready, in order, with the optional images that are asked for by name. Empty
/// when they are.
///
/// # Errors
/// When something is missing that cannot be brought here without help, `docker/images.toml` is malformed, or it lists
/// no image of an asked name.
pub fn plan(root: &Path, lanes: &[Lane], asked: &[String]) -> anyhow::Result<Vec<Step>> {
    let images = images::wanted(images::images(root)?, asked)?;
    Ok(plan::steps(&Observed::now(root, lanes, &images), &images, lanes)?)
}

/// Does the steps of a plan, with a line of progress for each on standard error.
///
/// Waits for another set-up of this machine that is under way. A step that finds its work done does nothing.
///
/// # Errors
/// The first step that fails, with the end of what it said, where the rest is, and how to mend it.
pub fn run(root: &Path, steps: &[Step]) -> anyhow::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let _lock = lock()?;
    let images = images::images(root)?;
    let logs = work(root).join("setup");
    std::fs::create_dir_all(&logs)?;
    let mut builder = build::Builder::new(root, &images, &logs);
    for (at, step) in steps.iter().enumerate() {
        eprint!("[{}/{}] {} … ", at + 1, steps.len(), step.title);
        std::io::stderr().flush()?;
        let begun = Instant::now();
        let done = match &step.action {
            Action::LlvmTools { rustup, package } => tools::install(*rustup, package.as_deref(), &logs),
            Action::Packages { names, newer_suite } => debian::install(names, newer_suite.as_deref(), &logs),
            Action::StartEngine { systemd } => engine::start(*systemd),
            Action::Image { name } => builder.provide(name),
            Action::Cluster => cluster::shared(root).provide(&logs),
            Action::Load { name } => cluster::shared(root).load(name, &logs),
            Action::BrowserPackages => browser::install(root, &logs),
        };
        match done {
            Ok(said) => eprintln!(
                "{}{}",
                seconds(begun),
                if said.is_empty() { said } else { format!(", {said}") }
            ),
            Err(error) => {
                eprintln!("failed after {}", seconds(begun));
                return Err(error.context(step.title.clone()));
            }
        }
    }
    Ok(())
}

/// Removes what [`run`] made and what outlives a run of the book: the shared cluster and its kubeconfig. Says what was
/// there. Tools, the engine and images stay.
///
/// # Errors
/// When something cannot be removed.
pub fn down(root: &Path) -> anyhow::Result<Vec<String>> {
    let _lock = lock()?;
    cluster::shared(root).remove()
}

fn seconds(begun: Instant) -> String {
    let s = begun.elapsed().as_secs_f32();
    if s < 10.0 {
        format!("{s:.1} s")
    } else {
        format!("{s:.0} s")
    }
}

/// Held until dropped: packages, an engine and a cluster belong to the machine, so one set-up at a time, whichever
/// clone of the book it is for.
fn lock() -> anyhow::Result<std::fs::File> {
    lock_in(&common_folder())
}

/// The one folder that all clones of the book on a machine have in common. `TMPDIR` may be each one's own; where nobody
/// agreed on `/tmp`, as on macOS, there is no better.
pub fn common_folder() -> PathBuf {
    let common = Path::new("/tmp");
    if cfg!(target_os = "linux") && common.is_dir() {
        common.to_owned()
    } else {
        std::env::temp_dir()
    }
}

fn lock_in(folder: &Path) -> anyhow::Result<std::fs::File> {
    let path = folder.join("book-setup.lock");
    // One that another user made can be opened and locked, but not written.
    let file = std::fs::File::open(&path)
        .or_else(|_| std::fs::File::create_new(&path))
        .or_else(|_| std::fs::File::open(&path)) // a set-up that began at the same moment made it
        .map_err(|e| anyhow::anyhow!("{}: {e}\n  fix: make it readable, or remove it", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another set-up on this machine ({})", path.display());
        file.lock()?;
    }
    Ok(file)
}

/// The verifier's folder below cargo's target folder: logs go there.
fn work(root: &Path) -> PathBuf {
    if let Some(dir) = std::env::var_os("BOOK_WORK") {
        return dir.into();
    }
    root.join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from))
        .join("book")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    #[test]
    fn of_two_set_ups_at_once_one_waits_for_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = super::lock_in(folder.path()).expect("the lock");
        let (done, second) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| done.send(super::lock_in(folder.path()).is_ok()));
            // Nobody has it twice: a second try of this test fails as well.
            let file = std::fs::File::open(folder.path().join("book-setup.lock")).expect("the file");
            assert!(file.try_lock().is_err());
            assert!(second.try_recv().is_err());
            drop(first);
            assert_eq!(second.recv(), Ok(true));
        });
    }
}
