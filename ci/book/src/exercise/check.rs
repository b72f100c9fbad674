//! Running an exercise's check on a folder, and what its observations say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{Exercise, State};
use crate::lanes;
use crate::model::{Lane, Root};
use crate::run::console::kept::{Kept, kept};
use crate::run::{Book, tests};
use crate::workspace::Package;

/// How often the file of observations is looked at while a check runs.
const EVERY: Duration = Duration::from_millis(50);

/// One thing that a check saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name: `image size`.
    pub step: String,
    /// What was seen.
    pub seen: String,
    /// What it must be. Empty: nothing is asked.
    #[serde(default)]
    pub must: String,
    /// Where the mending lies.
    #[serde(default)]
    pub fix: String,
    /// Whether it is as it must be; `None` where nothing is asked.
    #[serde(default)]
    pub holds: Option<bool>,
}

/// What a check saw of a folder.
#[derive(Clone, Debug)]
pub struct Look {
    /// In the order in which they were seen.
    pub steps: Vec<Step>,
    /// Whether everything that is asked for holds.
    pub passed: bool,
    /// All that the check printed, for when it broke off by itself.
    pub output: String,
}

impl Look {
    /// The first step that is not as it must be.
    pub fn first_failure(&self) -> Option<&Step> {
        self.steps.iter().find(|s| s.holds == Some(false))
    }
}

/// The programs of checks, by exercise.
pub type Programs = BTreeMap<String, PathBuf>;

/// The packages that are built together, whatever is asked for: cargo chooses the features of dependencies by them.
pub fn together(book: &Book) -> Vec<&Package> {
    let snippets = book.config.snippets.as_deref();
    let packages = book.workspace.packages.values();
    packages.filter(|p| Some(p.name.as_str()) != snippets).collect()
}

/// The lanes for which packages have tests and that this machine can run.
pub fn lanes_here(book: &Book) -> BTreeSet<Lane> {
    let all: BTreeSet<Lane> = together(book).iter().flat_map(|p| p.features.clone()).collect();
    let here = all.into_iter().filter(|l| lanes::missing(&book.root, *l).is_none());
    here.chain([Lane::Offline]).collect()
}

/// Builds the checks of exercises.
///
/// # Errors
/// When one does not compile, with the compiler's words.
pub fn build(book: &Book, lanes: &BTreeSet<Lane>, exercises: &[&Exercise]) -> Result<Programs> {
    let names: Vec<&str> = exercises.iter().map(|e| e.name.as_str()).collect();
    for exercise in exercises {
        let known = book
            .workspace
            .packages
            .values()
            .any(|p| p.dir == exercise.package_dir());
        if !known {
            bail!(
                "{} is no package, so nothing checks the exercise {}\n  fix: give it a Cargo.toml with a [[test]] of that name",
                exercise.package_dir(),
                exercise.name
            );
        }
    }
    let built = tests::build_only(&book.root, &book.config.listings, &together(book), lanes, &names)?;
    if let Some((path, line, message)) = built.errors.first() {
        bail!("{path}:{line}: the check does not compile:\n{message}\n  fix: correct the code");
    }
    let of = |exercise: &&Exercise| {
        let package = book.workspace.package_of(&exercise.dir)?;
        let own = |p: &&tests::Program| p.package == package.name && p.target == exercise.name;
        let program = built.programs.iter().find(own)?;
        Some((exercise.name.clone(), program.executable().to_owned()))
    };
    let programs: Programs = exercises.iter().filter_map(of).collect();
    match exercises.iter().find(|e| !programs.contains_key(&e.name)) {
        None => Ok(programs),
        Some(lost) => bail!(
            "{} has no test target `{}`\n  fix: add [[test]] with name = \"{}\" and path = \"{}/check.rs\" to its Cargo.toml",
            lost.package_dir(),
            lost.name,
            lost.name,
            lost.name
        ),
    }
}

/// Looks at a folder. `on_step` hears of each step as soon as it is seen. What the check starts carries the run's `id`,
/// and what it lets cargo build lies in `target`: two looks at once need two.
///
/// # Errors
/// When the check cannot be run.
pub fn look(
    book: &Book,
    exercise: &Exercise,
    program: &Path,
    folder: &Path,
    target: &Path,
    id: &str,
    on_step: &(dyn Fn(&Step) + Sync),
) -> Result<Look> {
    let root = &book.root;
    let scratch = root.scratch_dir("check-")?;
    let observed = scratch.path().join("observed.jsonl");
    let temp = scratch.path().join("temp");
    std::fs::create_dir_all(&temp)?;
    std::fs::write(&observed, "")?;
    // A copy, all of whose files are new: cargo knows a package by its place within its workspace, and whether it has
    // changed by the times of its files. It would take what it built of another folder for what is in this one.
    let copy = scratch.path().join(&exercise.name);
    super::progress::copy(folder, &copy)?;
    let dir = root.join(exercise.package_dir());
    let budget = Duration::from_secs(book.config.test_budget);
    let target = std::path::absolute(target)?;
    let over = AtomicBool::new(false);
    let mut steps = Vec::new();
    let Kept { output, code, left } = std::thread::scope(|scope| -> Result<Kept> {
        let reader = scope.spawn(|| follow(&observed, &over, on_step));
        let ended = kept(program, budget, |command| {
            command
                .current_dir(&dir)
                .env("CARGO_MANIFEST_DIR", &dir)
                .env("BOOK_ROOT", &root.path)
                .env("BOOK_RUN", id)
                .env("BOOK_EXERCISE", &copy)
                .env("BOOK_EXERCISE_TARGET", &target)
                .env("BOOK_OBSERVED", &observed)
                .env("TMPDIR", &temp)
                .env("LLVM_PROFILE_FILE", "/dev/null")
                .env_remove("BOOK_NOTES")
                .env_remove("BOOK_BLESS")
                .env_remove("RUST_TEST_THREADS");
        });
        over.store(true, Ordering::Relaxed);
        steps = reader
            .join()
            .map_err(|_| anyhow::anyhow!("reading the observations failed"))??;
        ended
    })?;
    let mut output = output;
    if code.is_none() {
        output.push_str(&format!("\nthe check did not finish in {} s\n", budget.as_secs()));
    }
    if !left.is_empty() {
        output.push_str(&format!("\nleft running, and ended: {}\n", left.join(", ")));
    }
    let holds = steps.iter().any(|s: &Step| s.holds == Some(true)) && steps.iter().all(|s| s.holds != Some(false));
    Ok(Look {
        passed: code == Some(0) && holds,
        steps,
        output,
    })
}

/// Where the packages of readers are built: beside what the book builds, so that neither holds the other up.
pub fn exercises_target(root: &Root) -> PathBuf {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root.path.join(dir),
        None => root.path.join("target"),
    };
    target.join("exercises")
}

/// Reads lines as they are written, until `over`, and then the rest.
fn follow(path: &Path, over: &AtomicBool, on_step: &(dyn Fn(&Step) + Sync)) -> Result<Vec<Step>> {
    let mut file = std::fs::File::open(path)?;
    let (mut text, mut steps) = (Vec::new(), Vec::new());
    loop {
        // First asked, then read: what was written before the end is not missed.
        let last = over.load(Ordering::Relaxed);
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        for line in text.drain(..whole).collect::<Vec<u8>>().lines() {
            let step: Step = serde_json::from_str(&line?).context("an observation does not parse")?;
            on_step(&step);
            steps.push(step);
        }
        if last {
            return Ok(steps);
        }
        std::thread::park_timeout(EVERY);
    }
}

/// Whether some step was seen like that. Of a demand, only one that does not hold counts; of what is only noted, any.
fn fits(steps: &[Step], step: &str, seen: &str) -> bool {
    // That it is a regular expression was found out when the exercise was read.
    let Ok(pattern) = Regex::new(seen) else { return false };
    let mut named = steps.iter().filter(|s| s.step == step && s.holds != Some(true));
    named.any(|s| pattern.is_match(&s.seen))
}

/// The hints that observations call for, the first of which is the nearest.
pub fn state_hints<'e>(exercise: &'e Exercise, steps: &[Step]) -> Vec<&'e State> {
    let states = exercise.text.state.iter();
    states.filter(|s| fits(steps, &s.step, &s.seen)).collect()
}

/// Whether a look failed as the exercise says that its starter does.
pub fn fails_as_expected(exercise: &Exercise, look: &Look) -> bool {
    let expected = &exercise.text.starter;
    look.first_failure().is_some_and(|first| {
        first.step == expected.step && fits(std::slice::from_ref(first), &first.step, &expected.seen)
    })
}

/// One step as a line: `✗ image size: 78.6 MB, must be under 10 MB`.
pub fn line(step: &Step) -> String {
    let mark = match step.holds {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "·",
    };
    // Something may have been seen in many lines: the rest is for hints.
    let seen = step.seen.lines().next().unwrap_or_default();
    let must = match step.holds {
        Some(false) => format!(", must {}", step.must),
        _ => String::new(),
    };
    format!("{mark} {}: {seen}{must}", step.step)
}

#[cfg(test)]
mod unit {
    use super::*;

    fn step(holds: Option<bool>) -> Step {
        Step {
            step: "user".into(),
            seen: "root".into(),
            must: "be another".into(),
            fix: String::new(),
            holds,
        }
    }

    #[test]
    fn a_hint_fits_what_is_wrong_or_only_noted() {
        assert!(fits(&[step(Some(false))], "user", "^root$"));
        assert!(fits(&[step(None)], "user", "oo"));
        assert!(!fits(&[step(Some(true))], "user", "root"));
        assert!(!fits(&[step(Some(false))], "size", "root"));
    }

    #[test]
    fn a_line_says_what_was_seen_and_what_is_wanted() {
        assert_eq!(line(&step(Some(false))), "✗ user: root, must be another");
        assert_eq!(line(&step(Some(true))), "✓ user: root");
        assert_eq!(line(&step(None)), "· user: root");
    }

    #[test]
    fn what_is_written_last_is_still_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), serde_json::to_string(&step(None)).unwrap() + "\n").unwrap();
        let steps = follow(file.path(), &AtomicBool::new(true), &|_| {}).unwrap();
        assert_eq!(steps, [step(None)]);
    }
}
