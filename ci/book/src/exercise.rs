//! Exercises: a task with a starter that fails its check and a solution that passes it.
//!
//! An exercise is a folder `<listings>/<module>/exercises/<name>/`:
//!
//! | file | what it is |
//! |---|---|
//! | `exercise.toml` | what it asks, its hints, what its starter must fail at |
//! | `files/` | one source for starter and solution: see [`cut`] |
//! | `check.rs` | a test target of the package in the folder above, named like the exercise |
//!
//! | module | what lives there |
//! |---|---|
//! | [`cut`] | one source into starter and solution |
//! | [`check`] | running a check on a folder, and which hints its observations call for |
//! | [`prove`] | the job: starter fails as expected, solution passes, each state hint fires |
//! | [`progress`] | the reader's folder and what is known of it |
//! | [`cli`] | `cargo book exercise …` |

pub mod check;
pub mod cli;
pub mod cut;
pub mod progress;
pub mod prove;

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde::Deserialize;

use crate::config::Config;
use crate::model::{Block, Finding, Lane, Root};
use crate::page::{Pages, did_you_mean, files_below, line_of};
use cut::Files;

/// The folder of a module's exercises.
pub const FOLDER: &str = "exercises";

/// How many hints an exercise has.
pub const HINTS: usize = 3;

/// One exercise, as its folder says.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// Its folder's name, by which readers call it.
    pub name: String,
    /// Its folder, relative to the root.
    pub dir: String,
    /// `exercise.toml`.
    pub text: Text,
    /// The source, cut.
    pub files: Files,
}

/// `exercise.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Text {
    /// A few words.
    pub title: String,
    /// One sentence: what works when it is done.
    pub goal: String,
    /// The page that shows it.
    pub page: String,
    /// What its check needs.
    pub lane: Lane,
    /// About how long it takes.
    pub minutes: u32,
    /// The files to change, below `files/`.
    pub open: Vec<String>,
    /// What to do, a line each.
    pub task: Vec<String>,
    /// Three, each stronger than the one before.
    pub hints: Vec<String>,
    /// What is said when it is done.
    pub closing: String,
    /// Other files and folders of the book that the check uses.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// How the starter fails.
    pub starter: Fails,
    /// Hints that read what the last check saw.
    #[serde(default)]
    pub state: Vec<State>,
}

/// The first thing that a folder fails at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    /// The check's step.
    pub step: String,
    /// What is seen there: a regular expression.
    pub seen: String,
}

/// A hint for what a check saw.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The check's step.
    pub step: String,
    /// What is seen there: a regular expression.
    pub seen: String,
    /// What to say then.
    pub hint: String,
    /// Changes of the solution after which it has to be said. The first that fits is the one that counts.
    pub broken: Vec<Change>,
}

/// One change of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Below `files/`.
    pub file: String,
    /// What stands in the solution.
    pub replace: String,
    /// What stands there instead.
    pub with: String,
}

impl Exercise {
    /// The package that its check belongs to lies here.
    pub fn package_dir(&self) -> &str {
        self.dir.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// Its job's name in the evidence.
    pub fn job(&self) -> String {
        format!("exercise:{}:{}", self.name, self.text.lane)
    }

    fn toml(&self) -> String {
        format!("{}/exercise.toml", self.dir)
    }

    /// Files that a check of it is made from, beside those of its package.
    pub fn inputs(&self, root: &Root) -> Vec<String> {
        let mut files = files_below(root, &self.dir);
        for path in &self.text.inputs {
            match root.join(path).is_file() {
                true => files.push(path.clone()),
                false => files.extend(files_below(root, path)),
            }
        }
        files
    }

    /// The solution with the changes of a state's `broken`.
    fn broken(&self, state: &State) -> Result<Files, String> {
        let mut files = self.files.clone();
        for change in &state.broken {
            let Some(cut) = files.get_mut(&change.file) else {
                return Err(format!("`broken` changes {}, which the exercise has not", change.file));
            };
            if !cut.solution.contains(&change.replace) {
                return Err(format!(
                    "`broken` replaces `{}`, which the solution's {} does not hold",
                    change.replace.trim_end(),
                    change.file
                ));
            }
            cut.solution = cut.solution.replacen(&change.replace, &change.with, 1);
        }
        Ok(files)
    }

    fn faults(&self, root: &Root, config: &Config) -> Vec<Finding> {
        let mut faults = Vec::new();
        let toml = self.toml();
        let mut wrong = |what: String, fix: &str| faults.push(Finding::new(&toml, 1, what, fix));
        let text = &self.text;
        if text.hints.len() != HINTS {
            let what = format!("an exercise has {HINTS} hints, and this one has {}", text.hints.len());
            wrong(
                what,
                "write hints of growing strength: where to look, what to use, nearly the answer",
            );
        }
        for (what, words) in [("title", &text.title), ("goal", &text.goal), ("closing", &text.closing)] {
            if words.trim().is_empty() {
                wrong(format!("`{what}` is empty"), "say it in a sentence");
            }
        }
        if text.task.is_empty() || text.open.is_empty() {
            wrong(
                "`task` and `open` say what to do, and in which files".into(),
                "write both",
            );
        }
        if !text.page.starts_with(&format!("{}/", config.src)) || !root.join(&text.page).is_file() {
            let what = format!("its page {} does not exist", text.page);
            wrong(what, "name the page that shows it, from the book's folder on");
        }
        for file in text.open.iter().filter(|f| !self.files.contains_key(*f)) {
            wrong(
                format!("`open` names {file}, which is not below files/"),
                "correct the name",
            );
        }
        for path in text.inputs.iter().filter(|p| !root.join(p).exists()) {
            wrong(
                format!("`inputs` names {path}, which does not exist"),
                "correct the path",
            );
        }
        if !self.files.values().any(|cut| cut.starter != cut.solution) {
            wrong(
                "starter and solution are the same: no file is cut".into(),
                "put `EXERCISE: solution` and `EXERCISE_END` around what the reader is to write",
            );
        }
        let patterns = text.state.iter().map(|s| &s.seen).chain([&text.starter.seen]);
        for pattern in patterns {
            if let Err(e) = Regex::new(pattern) {
                wrong(format!("`{pattern}` is no regular expression: {e}"), "correct it");
            }
        }
        for state in &text.state {
            if state.broken.is_empty() {
                let what = format!("nothing proves the hint for `{}`: `broken` is empty", state.step);
                wrong(what, "say how the solution has to be changed for it");
            } else if let Err(what) = self.broken(state) {
                wrong(what, "correct `broken`");
            }
        }
        if !root.join(&format!("{}/check.rs", self.dir)).is_file() {
            wrong(
                "it has no check.rs".into(),
                "write the test that looks at a reader's folder",
            );
        }
        faults
    }
}

/// Every exercise of the book, by name, and what their own files show to be wrong.
pub fn all(root: &Root, config: &Config) -> (Vec<Exercise>, Vec<Finding>) {
    let (mut all, mut findings) = (Vec::<Exercise>::new(), Vec::new());
    for dir in folders(root, config) {
        let path = format!("{dir}/exercise.toml");
        let name = dir.rsplit('/').next().unwrap_or_default().to_owned();
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
            continue;
        };
        let text: Text = match toml::from_str(&text) {
            Ok(text) => text,
            Err(e) => {
                let line = e.span().map_or(1, |span| line_of(&text, span.start));
                let what = e.message().to_owned();
                findings.push(Finding::new(&path, line, what, "correct this line"));
                continue;
            }
        };
        let (files, wrong) = cut::folder(root, &format!("{dir}/files"));
        let exercise = Exercise { name, dir, text, files };
        // Behind a mark that is wrong, that files are missing is no news.
        match wrong.is_empty() {
            true => findings.extend(exercise.faults(root, config)),
            false => findings.extend(wrong),
        }
        if let Some(other) = all.iter().find(|e| e.name == exercise.name) {
            let what = format!("{} has the same name", other.dir);
            findings.push(Finding::new(
                path,
                1,
                what,
                "readers call an exercise by its name: give it another",
            ));
            continue;
        }
        all.push(exercise);
    }
    (all, findings)
}

fn folders(root: &Root, config: &Config) -> Vec<String> {
    let below = |dir: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root.join(dir));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|e| e.path().is_dir())
            .map(|e| format!("{dir}/{}", e.file_name().to_string_lossy()))
            .collect();
        names.sort();
        names
    };
    let modules = config.listings.iter().flat_map(|dir| below(dir));
    let exercises = modules.flat_map(|module| below(&format!("{module}/{FOLDER}")));
    exercises
        .filter(|dir| root.join(&format!("{dir}/exercise.toml")).is_file())
        .collect()
}

/// Whether a file below the listings belongs to exercises: a fence shows them, and no include.
pub fn owns(config: &Config, path: &str) -> bool {
    config.listings.iter().any(|dir| {
        let inside = Path::new(path).strip_prefix(dir);
        inside.is_ok_and(|p| p.iter().nth(1).is_some_and(|part| part == FOLDER) && p.iter().count() > 2)
    })
}

/// One exercise by its name.
pub fn named(root: &Root, config: &Config, name: &str) -> Option<Exercise> {
    all(root, config).0.into_iter().find(|e| e.name == name)
}

/// `(did you mean …)` for a name that no exercise has.
pub fn near(exercises: &[Exercise], name: &str) -> String {
    let names: Vec<&str> = exercises.iter().map(|e| e.name.as_str()).collect();
    did_you_mean(name, &names)
}

/// The fence: TOML with one line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// The exercise.
    pub name: String,
}

/// The exercise that a fence names.
pub fn of_block(block: &Block) -> Option<String> {
    let fence: Fence = toml::from_str(&block.text).ok()?;
    (block.lang == "exercise").then_some(fence.name)
}

/// The exercises that pages show, in the order of the pages, each with its fence.
pub fn shown(pages: &Pages) -> Vec<(&Exercise, &Block)> {
    let by_name: BTreeMap<&str, &Exercise> = pages.exercises.iter().map(|e| (e.name.as_str(), e)).collect();
    let blocks = pages.blocks().filter(|b| b.attr("exempt").is_none());
    blocks
        .filter_map(|b| Some((*by_name.get(of_block(b)?.as_str())?, b)))
        .collect()
}

/// What is wrong between exercises and pages.
pub fn unshown(pages: &Pages) -> Vec<Finding> {
    let mut findings = Vec::new();
    let shown = shown(pages);
    for exercise in &pages.exercises {
        let mut fences = shown.iter().filter(|(e, _)| e.name == exercise.name);
        if fences.next().is_none() {
            findings.push(Finding::new(
                exercise.toml(),
                1,
                "no page shows this exercise",
                format!(
                    "put a fence ```exercise with name = \"{}\" on {}",
                    exercise.name, exercise.text.page
                ),
            ));
        }
        for (_, second) in fences {
            let what = format!("the exercise `{}` stands on a page already", exercise.name);
            findings.push(Finding::new(&second.page, second.line, what, "show it once"));
        }
    }
    findings
}
