//! What a listing's tests stand on.
//!
//! Evidence is observed, not declared: whoever uses a file of the book through this crate leaves a note of it, and
//! the verifier counts the notes of tests that passed. Without the verifier (plain `cargo test`) nothing is noted and
//! the tests are the same.
//!
//! | module | what lives there |
//! |---|---|
//! | [`evidence`] | the notes |
//! | [`capture`] | captured files and measured numbers, compared or blessed |
//! | [`lock`] | lock files of packages that a container builds alone |
//! | [`matching`] | narrow, named matchers for what differs each time |
//! | [`waiting`] | waiting for a condition, within a budget |
//! | [`exercise`] | what the check of an exercise saw of a reader's folder |
//! | [`faults`] | a proxy that cuts connections, slows them or holds them; with the feature `docker` also containers that are paused, killed, restarted |
//! | `lab` | a lab's WebAssembly against its crate (feature `lab`) |
//! | `docker` | images built from the book's Dockerfiles, and containers (feature `docker`) |
//! | `cluster` | namespaces, objects and programs on the kind cluster that tests share (feature `kind`) |
//! | `engines` | the real engines that chapters talk to: RabbitMQ, PostgreSQL and others (feature `docker`) |
//! | `prometheus` | queries that a Prometheus answers, rules that promtool tests (feature `docker`) |
//! | `compose` | Compose files, brought up and taken down (feature `docker`) |

pub mod capture;
pub mod evidence;
pub mod exercise;
pub mod faults;
pub mod lock;
pub mod matching;
pub mod waiting;

#[cfg(feature = "kind")]
pub mod cluster;
#[cfg(feature = "docker")]
pub mod compose;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(feature = "docker")]
pub mod engines;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "docker")]
pub mod prometheus;

use std::path::PathBuf;

pub use capture::{Tolerance, captured, captured_matching, fact, fact_within};
pub use matching::Matcher;
pub use waiting::eventually;

/// The book's folder: `BOOK_ROOT`, else the nearest one above the test's package with a `book.toml`.
///
/// # Panics
/// When there is none.
pub fn root() -> PathBuf {
    if let Some(root) = std::env::var_os("BOOK_ROOT") {
        return root.into();
    }
    let start = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::current_dir().ok());
    start
        .iter()
        .flat_map(|dir| dir.ancestors())
        .find(|dir| dir.join("book.toml").is_file())
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("no book.toml above {start:?}\n  fix: run the test inside the book's folder"))
}

/// The text of a file of the book; notes that the running test used it. `path` is relative to the book's folder.
///
/// # Panics
/// When it cannot be read.
#[track_caller]
pub fn listing(path: &str) -> String {
    let text = match std::fs::read_to_string(root().join(path)) {
        Ok(text) => text,
        Err(e) => panic!("the listing {path} cannot be read: {e}\n  fix: name it relative to the book's folder"),
    };
    evidence::note("read", path, "");
    text
}

/// A program of a package that the running test's package depends on; `cargo test` has built it beside the tests.
///
/// # Panics
/// When it is not there.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let built = test.parent().and_then(|deps| deps.parent());
    let program = built.map(|dir| dir.join(name)).filter(|path| path.is_file());
    program.unwrap_or_else(|| panic!("{name} has not been built\n  fix: cargo build --package {name}"))
}
