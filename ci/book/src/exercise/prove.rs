//! The job of an exercise: the starter fails as it says it does, the solution passes, each hint for a state fires when it
//! should, and what readers get is formatted and free of warnings.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::check::{self, Look};
use super::cut::{self, Cut, Files};
use super::{Exercise, State};
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
    let look = |name: &str, files: &Files, side: fn(&Cut) -> &str| -> Result<Look> {
        // Each in a folder of the exercise's own name, as the reader has it.
        let folder = dir.path().join(name).join(&exercise.name);
        cut::write(files, side, &folder)?;
        check::look(book, exercise, program, &folder, id, &|_| {})
    };

    let starter = look("starter", &exercise.files, |cut| &cut.starter)?;
    let expected = &exercise.text.starter;
    if starter.passed {
        proof.wrong(
            "the starter passes its check: there is nothing left to do",
            "cut more out of the starter, or let the check ask for more",
        );
    } else if !check::fails_as_expected(exercise, &starter) {
        let what = format!(
            "the starter does not fail at `{}` with `{}`, as exercise.toml says\n{}",
            expected.step,
            expected.seen,
            told(&starter)
        );
        proof.wrong(what, "correct [starter] in exercise.toml, or the starter");
    }

    let solution = look("solution", &exercise.files, |cut| &cut.solution)?;
    if !solution.passed {
        let what = format!("the solution does not pass its check\n{}", told(&solution));
        proof.wrong(
            what,
            format!("correct the solution in {}/files, or the check", exercise.dir),
        );
    }
    lint(book, exercise, dir.path(), &mut proof)?;

    for (i, state) in exercise.text.state.iter().enumerate() {
        let files = exercise
            .broken(state)
            .map_err(|what| anyhow::anyhow!("{}: {what}", exercise.dir))?;
        let broken = look(&format!("broken-{i}"), &files, |cut| &cut.solution)?;
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
                told(&broken)
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
            let out = Command::new("rustfmt")
                .args(["--check", "--edition", "2024"])
                .current_dir(book.root.join(&exercise.dir))
                .stdin(std::fs::File::open(folder.join(file))?)
                .output()
                .context("rustfmt does not start\n  fix: rustup component add rustfmt")?;
            if !out.status.success() {
                let said = [out.stdout, out.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                let what = format!(
                    "the {side}'s {file} is not as rustfmt writes it, or does not parse\n{}",
                    said.trim_end()
                );
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
