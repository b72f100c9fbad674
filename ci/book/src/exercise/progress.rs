//! The reader's folder `my-exercises/`: their work, and what is known of it.
//!
//! `progress.json` has the form that the page's own progress has, so that a page can take it over. Nothing here writes
//! over somebody's work: what has to go is moved aside, and where to is said.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::check::Step;
use super::cut::{self, Files};
use super::{Exercise, HINTS};
use crate::evidence::{now, sha256};
use crate::model::Root;

/// Where the work of readers lies, below the root. Git ignores it.
pub const FOLDER: &str = "my-exercises";

/// How far somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Never started.
    Nothing,
    /// The starter was written.
    Started,
    /// The check held.
    Passed,
}

/// All that is known.
#[derive(Debug)]
pub struct Progress {
    folder: PathBuf,
    document: Map<String, Value>,
}

/// What is remembered of one exercise beside its place in the document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// How many of the three hints were shown.
    #[serde(default)]
    pub hints: usize,
    /// What the last check saw.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The folder's text when it did.
    #[serde(default)]
    pub of: String,
}

impl Progress {
    /// Reads the folder. A document that does not parse is moved aside; the second value says where to.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(root: &Root) -> Result<(Progress, Option<String>)> {
        let folder = root.join(FOLDER);
        let file = folder.join("progress.json");
        let mut aside = None;
        let document = match std::fs::read(&file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => {
                return Err(e)
                    .with_context(|| format!("{} cannot be read\n  fix: give yourself the right to", file.display()));
            }
            Ok(bytes) => match serde_json::from_slice::<Map<String, Value>>(&bytes) {
                Ok(document) if document.get("version") == Some(&json!(1)) => Some(document),
                _ => {
                    let kept = free(&folder, &format!("progress.json.unreadable-{}", stamp()));
                    std::fs::rename(&file, &kept)?;
                    aside = Some(shown(root, &kept));
                    None
                }
            },
        };
        let document = document.unwrap_or_else(|| {
            let empty = json!({ "version": 1, "pages": {}, "quizzes": {}, "exercises": {}, "checklist": {} });
            empty.as_object().cloned().unwrap_or_default()
        });
        Ok((Progress { folder, document }, aside))
    }

    fn entry(&self, name: &str) -> Option<(&str, &str)> {
        let entry = self.document.get("exercises")?.get(name)?;
        Some((entry.get("state")?.as_str()?, entry.get("at")?.as_str()?))
    }

    /// How far somebody is with an exercise.
    pub fn reached(&self, name: &str) -> Reached {
        match self.entry(name) {
            Some(("passed", _)) => Reached::Passed,
            Some(_) => Reached::Started,
            None => Reached::Nothing,
        }
    }

    /// The one that was started last and has not passed; else the one that passed last.
    pub fn current<'e>(&self, exercises: &[&'e Exercise]) -> Option<&'e Exercise> {
        let begun = exercises.iter().filter_map(|e| {
            let (state, at) = self.entry(&e.name)?;
            Some((state == "started", at, *e))
        });
        begun
            .max_by_key(|(open, at, _)| (*open, at.to_string()))
            .map(|(.., e)| e)
    }

    /// Writes how far somebody is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&mut self, name: &str, reached: Reached) -> Result<()> {
        let word = match reached {
            Reached::Passed => "passed",
            _ => "started",
        };
        let exercises = self.document.entry("exercises").or_insert_with(|| json!({}));
        if !exercises.is_object() {
            *exercises = json!({});
        }
        exercises[name] = json!({ "state": word, "at": now() });
        write(
            &self.folder.join("progress.json"),
            &serde_json::to_vec_pretty(&self.document)?,
        )
    }

    /// The folder of an exercise.
    pub fn work(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn memory_file(&self, name: &str) -> PathBuf {
        self.folder.join(".state").join(format!("{name}.json"))
    }

    /// What is remembered; nothing, when it does not parse.
    pub fn memory(&self, name: &str) -> Memory {
        let text = std::fs::read(self.memory_file(name)).unwrap_or_default();
        let mut memory: Memory = serde_json::from_slice(&text).unwrap_or_default();
        memory.hints = memory.hints.min(HINTS);
        memory
    }

    /// Remembers.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, name: &str, memory: &Memory) -> Result<()> {
        write(&self.memory_file(name), &serde_json::to_vec_pretty(memory)?)
    }

    /// Writes the starter where there is nothing: whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&mut self, exercise: &Exercise) -> Result<()> {
        let full = || format!("{} cannot be written\n  fix: make room there", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(full)?;
        let part = tempfile::Builder::new()
            .prefix(".part-")
            .tempdir_in(&self.folder)
            .with_context(full)?;
        let new = part.path().join("starter");
        cut::write(&exercise.files, |cut| &cut.starter, &new).with_context(full)?;
        std::fs::rename(&new, self.work(&exercise.name)).with_context(full)?;
        self.remember(&exercise.name, &Memory::default())?;
        // Whoever has passed once has passed, also when they try again.
        let reached = match self.reached(&exercise.name) {
            Reached::Passed => Reached::Passed,
            _ => Reached::Started,
        };
        self.set(&exercise.name, reached)
    }

    /// Moves somebody's work aside; where to.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn put_aside(&self, name: &str) -> Result<PathBuf> {
        let aside = free(&self.folder, &format!("{name}.backup-{}", stamp()));
        std::fs::rename(self.work(name), &aside)
            .with_context(|| format!("{name} cannot be moved to {}\n  fix: make room there", aside.display()))?;
        Ok(aside)
    }
}

/// A path as a reader would type it.
pub fn shown(root: &Root, path: &Path) -> String {
    path.strip_prefix(&root.path).unwrap_or(path).display().to_string()
}

/// Whether a folder holds the starter and nothing else.
pub fn is_starter(files: &Files, folder: &Path) -> bool {
    files
        .iter()
        .all(|(path, cut)| std::fs::read_to_string(folder.join(path)).is_ok_and(|text| text == cut.starter))
        && texts(folder).len() == files.len()
}

/// What identifies the text of a folder.
pub fn hash(folder: &Path) -> String {
    let all: String = texts(folder)
        .iter()
        .map(|path| {
            let text = std::fs::read(folder.join(path)).unwrap_or_default();
            format!("{} {}\n", sha256(&text), path.display())
        })
        .collect();
    sha256(all.as_bytes())
}

/// Copies the text of a folder.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    for path in texts(from) {
        let target = to.join(&path);
        std::fs::create_dir_all(target.parent().unwrap_or(to))?;
        let text = std::fs::read(from.join(&path)).with_context(|| format!("{} cannot be read", path.display()))?;
        std::fs::write(&target, text)?;
    }
    Ok(())
}

/// The files of a folder that are somebody's text, sorted.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(false)
        .build();
    let files = walk
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_some_and(|t| t.is_file()));
    let mut files: Vec<PathBuf> = files
        .filter_map(|e| Some(e.path().strip_prefix(folder).ok()?.to_path_buf()))
        .filter(|path| !path.starts_with("target"))
        .collect();
    files.sort();
    files
}

fn stamp() -> String {
    now().replace(':', "")
}

/// A name of a file that is not there yet.
fn free(folder: &Path, name: &str) -> PathBuf {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    let mut paths = names.map(|name| folder.join(name));
    paths.find(|path| !path.exists()).unwrap_or_else(|| folder.join(name))
}

/// Replaces a file as a whole.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let full = || format!("{} cannot be written\n  fix: make room there", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(full)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(full)?;
    file.write_all(bytes).with_context(full)?;
    file.persist(path).map_err(|e| e.error).with_context(full)?;
    Ok(())
}

#[cfg(test)]
mod unit {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_path_buf();
        (dir, Root { path })
    }

    #[test]
    fn what_is_set_is_read_again_and_what_others_wrote_stays() {
        let (_dir, root) = root();
        std::fs::create_dir(root.join(FOLDER)).unwrap();
        let old = r#"{"version":1,"checklist":{"a":true}}"#;
        std::fs::write(root.join("my-exercises/progress.json"), old).unwrap();
        let (mut progress, aside) = Progress::read(&root).unwrap();
        assert_eq!(aside, None);
        assert_eq!(progress.reached("x"), Reached::Nothing);
        progress.set("x", Reached::Passed).unwrap();
        let (again, _) = Progress::read(&root).unwrap();
        assert_eq!(again.reached("x"), Reached::Passed);
        assert_eq!(again.document["checklist"]["a"], json!(true));
    }

    #[test]
    fn a_document_that_does_not_parse_is_kept_aside() {
        for broken in ["{", "[]", "{\"version\":2}"] {
            let (_dir, root) = root();
            std::fs::create_dir(root.join(FOLDER)).unwrap();
            std::fs::write(root.join("my-exercises/progress.json"), broken).unwrap();
            let (progress, aside) = Progress::read(&root).unwrap();
            assert_eq!(progress.reached("x"), Reached::Nothing);
            let kept = std::fs::read_to_string(root.join(&aside.unwrap())).unwrap();
            assert_eq!(kept, broken);
        }
    }
}
