//! The job of an exercise: the starter fails as it says it does, the solution passes, each hint for a state fires when it
//! should, and what readers get is formatted and free of warnings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

use super::check::{self, Look};
use super::cut;
use super::{Exercise, State};
use crate::model::Lane;
use crate::run::{Book, plural};

/// What is wrong, each with what to do about it; and what was seen when nothing is.
#[derive(Debug, Default)]
pub struct Proof {
    /// What would mislead a reader, and the fix.
    pub faults: Vec<(String, String)>,
    /// One line for the badge.
    pub detail: String,
}

impl Proof {
    fn wrong(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.faults.push((what.into(), fix.into()));
    }
}

/// Proves an exercise. What its checks start carries the run's `id`.
///
/// # Errors
/// When something cannot be run.
pub fn prove(book: &Book, exercise: &Exercise, program: &Path, id: &str) -> Result<Proof> {
    let mut proof = Proof::default();
    let dir = book.root.scratch_dir("exercise-")?;
    // Each in a folder of the exercise's own name, as the reader has it.
    let folder = |name: &str| dir.path().join(name).join(&exercise.name);
    cut::write(&exercise.files, |cut| &cut.starter, &folder("starter"))?;
    cut::write(&exercise.files, |cut| &cut.solution, &folder("solution"))?;
    let mut folders = vec![folder("starter"), folder("solution")];
    for (i, state) in exercise.text.state.iter().enumerate() {
        let files = exercise
            .broken(state)
            .map_err(|what| anyhow::anyhow!("{}: {what}", exercise.dir))?;
        let folder = folder(&format!("broken-{i}"));
        cut::write(&files, |cut| &cut.solution, &folder)?;
        folders.push(folder);
    }
    let targets = targets(exercise.text.lane, &check::exercises_target(&book.root));
    let looks = look_at_all(&folders, &targets, &|folder, target| {
        check::look(book, exercise, program, folder, target, id, &|_| {})
    })?;
    let [starter, solution, broken @ ..] = looks.as_slice() else {
        anyhow::bail!("{}: a look is missing", exercise.name);
    };

    let expected = &exercise.text.starter;
    if starter.passed {
        proof.wrong(
            "the starter passes its check: there is nothing left to do",
            "cut more out of the starter, or let the check ask for more",
        );
    } else if !check::fails_as_expected(exercise, starter) {
        let what = format!(
            "the starter does not fail at `{}` with `{}`, as exercise.toml says\n{}",
            expected.step,
            expected.seen,
            told(starter)
        );
        proof.wrong(what, "correct [starter] in exercise.toml, or the starter");
    }

    if !solution.passed {
        let what = format!("the solution does not pass its check\n{}", told(solution));
        proof.wrong(
            what,
            format!("correct the solution in {}/files, or the check", exercise.dir),
        );
    }
    lint(book, exercise, dir.path(), &mut proof)?;

    for (state, broken) in exercise.text.state.iter().zip(broken) {
        let fired = check::state_hints(exercise, &broken.steps);
        if !fired.first().is_some_and(|first| is(first, state)) {
            let instead = match fired.first() {
                Some(other) => format!("the hint for `{}` with `{}` fires before it", other.step, other.seen),
                None if broken.passed => "the check passes".into(),
                None => "no hint fires".into(),
            };
            let what = format!(
                "the hint for `{}` with `{}` does not fire on its broken solution: {instead}\n{}",
                state.step,
                state.seen,
                told(broken)
            );
            proof.wrong(
                what,
                "correct the [[state]] in exercise.toml, or what its `broken` changes",
            );
        } else if broken.passed {
            let what = format!(
                "the check passes a solution that is broken for the hint of `{}`",
                state.step
            );
            proof.wrong(what, "let the check ask for what `broken` takes away");
        }
    }
    proof.detail = format!(
        "the starter fails at `{}`, the solution passes in {}, {} for states fire",
        expected.step,
        plural(solution.steps.iter().filter(|s| s.holds.is_some()).count(), "step"),
        plural(exercise.text.state.len(), "hint")
    );
    Ok(proof)
}

/// A target folder for each look that goes on at once. Without an engine that is one. Containers wait more than they work,
/// so with an engine there are three; each has its own, as all build a program of one name.
fn targets(lane: Lane, first: &Path) -> Vec<PathBuf> {
    let other = |number: usize| {
        let mut name = first.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        first.with_file_name(name)
    };
    match lane {
        Lane::Offline => vec![first.to_owned()],
        _ => vec![first.to_owned(), other(2), other(3)],
    }
}

/// Looks at folders, as many at once as there are targets, and no two of them in one target; the looks in the order of
/// the folders.
fn look_at_all<T: Send>(
    folders: &[PathBuf],
    targets: &[PathBuf],
    look: &(dyn Fn(&Path, &Path) -> Result<T> + Sync),
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let worker = |target: &Path| -> Result<Vec<(usize, T)>> {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            match folders.get(i) {
                Some(folder) => done.push((i, look(folder, target)?)),
                None => return Ok(done),
            }
        }
    };
    let worker = &worker;
    let mut all = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = targets.iter().map(|t| scope.spawn(move || worker(t))).collect();
        for worker in workers {
            let done = worker
                .join()
                .map_err(|_| anyhow::anyhow!("looking at a folder failed"))?;
            all.extend(done?);
        }
        Ok(())
    })?;
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, look)| look).collect())
}

fn is(a: &State, b: &State) -> bool {
    std::ptr::eq(a, b)
}

/// What a check saw, indented; of one that broke off by itself also its last words.
fn told(look: &Look) -> String {
    let mut lines: Vec<String> = look.steps.iter().map(check::line).collect();
    if look.first_failure().is_none() && !look.passed {
        let said: Vec<&str> = look.output.trim_end().lines().collect();
        lines.extend(said[said.len().saturating_sub(20)..].iter().map(|l| (*l).to_owned()));
    }
    lines.iter().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n")
}

/// rustfmt reads what readers get, starter and solution; clippy what they are to write.
fn lint(book: &Book, exercise: &Exercise, dir: &Path, proof: &mut Proof) -> Result<()> {
    let rust: Vec<&String> = exercise.files.keys().filter(|f| f.ends_with(".rs")).collect();
    for side in ["starter", "solution"] {
        let folder = dir.join(side).join(&exercise.name);
        for file in &rust {
            // From its standard input: then the settings are those of the folder that it works in.
            let text = std::fs::read_to_string(folder.join(file))?;
            let out = Command::new("rustfmt")
                .args(["--edition", "2024"])
                .current_dir(book.root.join(&exercise.dir))
                .stdin(std::fs::File::open(folder.join(file))?)
                .output()
                .context("rustfmt does not start\n  fix: rustup component add rustfmt")?;
            let formatted = String::from_utf8_lossy(&out.stdout).into_owned();
            if !out.status.success() {
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                let what = format!("the {side}'s {file} does not parse:\n{}", said.trim_end());
                proof.wrong(what, format!("correct {}/files/{file}", exercise.dir));
            } else if formatted != text {
                let diff = similar::TextDiff::from_lines(&text, &formatted);
                let diff = diff.unified_diff().context_radius(1).to_string();
                let what = format!("the {side}'s {file} is not as rustfmt writes it\n{}", diff.trim_end());
                proof.wrong(what, format!("format {}/files/{file}", exercise.dir));
            }
        }
    }
    let solution = dir.join("solution").join(&exercise.name);
    if solution.join("Cargo.toml").is_file() {
        let out = crate::workspace::cargo(&book.root)
            .args(["clippy", "--all-targets", "--quiet", "--", "-D", "warnings"])
            .current_dir(&solution)
            .env(
                "CARGO_TARGET_DIR",
                std::path::absolute(check::exercises_target(&book.root))?,
            )
            .output()
            .context("cargo clippy does not start")?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            let what = format!("clippy says of the solution:\n{}", said.trim_end());
            proof.wrong(what, format!("correct the solution in {}/files", exercise.dir));
        }
    }
    Ok(())
}

#[cfg(test)]
mod unit {
    use std::collections::BTreeSet;
    use std::sync::{Barrier, Mutex};

    use super::*;

    /// Three at once build a program of one name. In one target, one of them would run what another has built.
    #[test]
    fn looks_at_once_share_no_target() {
        let folders: Vec<PathBuf> = (0..9).map(|i| PathBuf::from(format!("folder-{i}"))).collect();
        let targets = targets(Lane::Docker, Path::new("target/exercises"));
        let (all_here, busy) = (Barrier::new(targets.len()), Mutex::new(BTreeSet::new()));
        let looks = look_at_all(&folders, &targets, &|folder, target| {
            assert!(busy.lock().unwrap().insert(target.to_owned()), "{target:?} is in use");
            // Nobody goes on before three have begun.
            all_here.wait();
            assert!(busy.lock().unwrap().remove(target));
            Ok(folder.to_owned())
        });
        assert_eq!(looks.unwrap(), folders);
    }

    #[test]
    fn a_reader_and_the_first_look_share_one() {
        let first = Path::new("target/exercises");
        assert_eq!(targets(Lane::Offline, first), [first]);
        let others = [first, Path::new("target/exercises-2"), Path::new("target/exercises-3")];
        assert_eq!(targets(Lane::Docker, first), others);
    }
}
