//! What the check of an exercise saw, step by step.
//!
//! A check is one test that looks at a folder: the reader's, or the starter or the solution when CI proves the exercise.
//! It says each thing that it sees, with what that must be, so that `cargo book exercise check` can print it and hints
//! can read it. `BOOK_EXERCISE` names the folder and `BOOK_OBSERVED` the file that gets one JSON line a step.

#[cfg(feature = "docker")]
pub mod docker;

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

/// Something that an exercise asks for.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Its name, by which hints and `exercise.toml` call it: `image size`.
    pub step: &'static str,
    /// What is wanted, behind the word "must": `be under 10 MB`.
    pub must: &'static str,
    /// The direction in which the mending lies.
    pub fix: &'static str,
}

/// A check that is under way.
#[derive(Debug)]
pub struct Check {
    folder: PathBuf,
    failed: RefCell<Vec<String>>,
}

impl Check {
    /// Begins to look at the folder that `BOOK_EXERCISE` names.
    ///
    /// # Panics
    /// When it names none.
    pub fn begin() -> Check {
        let folder = std::env::var_os("BOOK_EXERCISE").map(PathBuf::from);
        let folder = folder.filter(|dir| dir.is_dir());
        Check {
            folder: folder
                .unwrap_or_else(|| panic!("BOOK_EXERCISE names no folder to check\n  fix: cargo book exercise check")),
            failed: RefCell::default(),
        }
    }

    /// The folder under check.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A copy of that folder, to be changed; what cargo built there stays behind.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().and_then(|to| copy(&self.folder, to.path()).map(|()| to));
        copy.unwrap_or_else(|e| {
            panic!(
                "{} cannot be copied: {e}\n  fix: make room, and let every file be readable",
                self.folder.display()
            )
        })
    }

    /// Something that is neither right nor wrong, and that a hint may read.
    pub fn note(&self, step: &str, seen: impl Display) {
        say(&json!({ "step": step, "seen": seen.to_string() }));
    }

    /// What was seen of a demand, and whether that is enough. The check goes on. Gives back `holds`.
    pub fn demand(&self, demand: &Demand, seen: impl Display, holds: bool) -> bool {
        let Demand { step, must, fix } = demand;
        let seen = seen.to_string();
        say(&json!({ "step": step, "seen": seen, "must": must, "fix": fix, "holds": holds }));
        if !holds {
            self.failed.borrow_mut().push(format!("{step}: {seen}, must {must}"));
        }
        holds
    }

    /// As [`Check::demand`], of something without which there is nothing more to look at.
    ///
    /// # Panics
    /// When it does not hold.
    #[track_caller]
    pub fn need(&self, demand: &Demand, seen: impl Display, holds: bool) {
        if !self.demand(demand, seen, holds) {
            panic!("{}", self.failed.borrow().join("\n"));
        }
    }

    /// The end of the check.
    ///
    /// # Panics
    /// When a demand did not hold.
    #[track_caller]
    pub fn end(self) {
        let failed = self.failed.into_inner();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

/// cargo on the package under check, which is a workspace of its own. What it builds is kept apart from the book's.
///
/// # Panics
/// When cargo does not start.
pub fn cargo(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        // This test's own package, and what instruments it.
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("LLVM_PROFILE") {
            command.env_remove(&name);
        }
    }
    command
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target())
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .unwrap_or_else(|e| panic!("cargo does not start: {e}\n  fix: install Rust (https://rustup.rs)"))
}

/// A program that [`cargo`] has built.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

fn target() -> PathBuf {
    let named = std::env::var_os("BOOK_EXERCISE_TARGET").map(PathBuf::from);
    named.unwrap_or_else(|| crate::root().join("target/exercises"))
}

/// The first line of a text that says what is wrong, as compilers and engines write it.
pub fn first_error(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let wrong = lines.clone().find(|l| {
        let l = l.to_lowercase();
        l.starts_with("error") || l.contains(" error:") || l.contains("error: ")
    });
    wrong.or(lines.next_back()).unwrap_or("nothing was said").to_owned()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), &target).map(drop)?,
        }
    }
    Ok(())
}

fn say(line: &serde_json::Value) {
    println!("{line}");
    let Some(path) = std::env::var_os("BOOK_OBSERVED") else {
        return;
    };
    let file = std::fs::File::options().append(true).create(true).open(&path);
    // One write a line, so that a reader of the file never sees half of one.
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.unwrap_or_else(|e| {
        panic!(
            "{}: {e}\n  fix: make room for what the check sees",
            Path::new(&path).display()
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Demand = Demand {
        step: "size",
        must: "be small",
        fix: "leave something out",
    };

    fn check() -> Check {
        Check {
            folder: PathBuf::new(),
            failed: RefCell::default(),
        }
    }

    #[test]
    fn a_check_that_saw_nothing_wrong_ends_well() {
        let check = check();
        assert!(check.demand(&SIZE, 3, true));
        check.note("colour", "red");
        check.end();
    }

    #[test]
    #[should_panic(expected = "size: 30, must be small")]
    fn what_does_not_hold_is_said_at_the_end() {
        let check = check();
        assert!(!check.demand(&SIZE, 30, false));
        check.end();
    }

    #[test]
    fn a_copy_has_all_but_what_cargo_built() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["Cargo.toml", "src/main.rs", "target/debug/program"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let check = Check {
            folder: folder.path().to_owned(),
            failed: RefCell::default(),
        };
        let copy = check.copy();
        let read = |file: &str| fs::read_to_string(copy.path().join(file)).ok();
        assert_eq!(read("src/main.rs").as_deref(), Some("src/main.rs"));
        assert_eq!(read("Cargo.toml").as_deref(), Some("Cargo.toml"));
        assert!(!copy.path().join("target").exists());
    }

    #[test]
    fn an_error_is_found_among_other_lines() {
        assert_eq!(first_error("  Compiling x\nerror[E1]: no\n --> a"), "error[E1]: no");
        assert_eq!(
            first_error("a\nERROR: failed to solve: b\n"),
            "ERROR: failed to solve: b"
        );
        assert_eq!(first_error("one\ntwo\n\n"), "two");
        assert_eq!(first_error(""), "nothing was said");
    }
}
