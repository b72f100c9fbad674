//! The store of what ran: one JSON file a job, written whole or not at all.
//!
//! A record says which inputs a job had (path → SHA-256), what it saw, and how it ended. Whether that still holds is
//! decided by comparing the recorded hashes with the files as they are: see [`Record::changed`]. Nothing is ever
//! verified because somebody says so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Finding, Lane, Root};

/// What one job left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The job: `test:links-api:offline`, `console:src/preface.md`, `site`.
    pub job: String,
    /// Where it ran.
    pub lane: Lane,
    /// Files that it was made from, by content: path relative to the root → SHA-256.
    pub inputs: BTreeMap<String, String>,
    /// Tools and images, with what they truly were.
    pub versions: BTreeMap<String, String>,
    /// When it ended, RFC 3339, UTC.
    pub ran_at: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether everything in it held.
    pub passed: bool,
    /// What would mislead a reader.
    pub findings: Vec<Finding>,
    /// Files that tests were seen using.
    pub uses: Vec<Use>,
    /// Source file → line → how often tests that passed executed it. Lines without code do not stand here.
    pub coverage: BTreeMap<String, BTreeMap<usize, u64>>,
    /// Source files that went into the programs that were tested.
    pub compiled: BTreeSet<String>,
    /// Blocks that the job checked one by one.
    pub blocks: Vec<Checked>,
    /// How many things were looked at, where the job counts them.
    #[serde(default)]
    pub checks: usize,
}

/// A test was seen using a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Use {
    /// The test, with its target: `first_image::runs_as_root`.
    pub test: String,
    /// `built`, `sent`, `ran`, `read`, `compared`, `applied`.
    pub verb: String,
    /// The file, relative to the root.
    pub path: String,
    /// Its SHA-256 at that moment.
    pub hash: String,
    /// A few words more. May be empty.
    pub what: String,
    /// Whether the test passed.
    pub passed: bool,
}

/// A block that a job checked itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checked {
    /// The page.
    pub page: String,
    /// The line of its fence when it was checked; blocks move, so the hash below is what identifies it.
    pub line: usize,
    /// SHA-256 of language, attributes and text.
    pub hash: String,
    /// Whether it held.
    pub passed: bool,
    /// One line for the badge.
    pub detail: String,
}

impl Record {
    /// The first input that is not what it was, or `None` when the record still speaks of the files as they are.
    pub fn changed(&self, hashes: &mut Hashes) -> Option<String> {
        let inputs = self.inputs.iter();
        let uses = self.uses.iter().map(|u| (&u.path, &u.hash));
        inputs
            .chain(uses)
            .find(|(path, hash)| hashes.of(path).as_deref() != Some(hash.as_str()))
            .map(|(p, _)| p.clone())
    }
}

/// SHA-256 of bytes, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Hashes of the book's files, each read once.
#[derive(Debug)]
pub struct Hashes {
    root: PathBuf,
    known: BTreeMap<String, Option<String>>,
}

impl Hashes {
    /// Reads nothing yet.
    pub fn new(root: &Root) -> Hashes {
        Hashes {
            root: root.path.clone(),
            known: BTreeMap::new(),
        }
    }

    /// The hash of a file, `None` when it cannot be read. A path that starts with `=` is a value, not a file: it
    /// hashes to itself, so that text can be an input too.
    pub fn of(&mut self, path: &str) -> Option<String> {
        if let Some(value) = path.strip_prefix('=') {
            return Some(sha256(value.as_bytes()));
        }
        let file = self.root.join(path);
        self.known
            .entry(path.to_owned())
            .or_insert_with(|| std::fs::read(file).ok().map(|bytes| sha256(&bytes)))
            .clone()
    }

    /// Forgets what it read, after something wrote files.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

/// The folder of records.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// The store of this book. Creates nothing.
    pub fn of(root: &Root) -> Store {
        Store {
            dir: root.work().join("evidence"),
        }
    }

    /// A store in a folder of its own.
    pub fn at(dir: impl Into<PathBuf>) -> Store {
        Store { dir: dir.into() }
    }

    /// Where the records lie.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn file(&self, job: &str) -> PathBuf {
        let plain: String = job
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        self.dir.join(format!("{plain}-{}.json", &sha256(job.as_bytes())[..8]))
    }

    /// Writes a record: to a temporary file first, which then takes the record's name, so that a killed run or a full
    /// disk leaves the old record or the new one, never half of one.
    pub fn write(&self, record: &Record) -> Result<()> {
        let full = || {
            format!(
                "evidence of `{}` cannot be written to {}\n  fix: make room there and run the same command again",
                record.job,
                self.dir.display()
            )
        };
        std::fs::create_dir_all(&self.dir).with_context(full)?;
        let mut file = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(&self.dir)
            .with_context(full)?;
        file.write_all(&serde_json::to_vec_pretty(record)?).with_context(full)?;
        file.as_file().sync_all().with_context(full)?;
        file.persist(self.file(&record.job))
            .map_err(|e| e.error)
            .with_context(full)?;
        Ok(())
    }

    /// One job's record; `None` when there is none. A file that does not parse counts as none: the job runs again.
    pub fn read(&self, job: &str) -> Option<Record> {
        let record: Record = serde_json::from_slice(&std::fs::read(self.file(job)).ok()?).ok()?;
        (record.job == job).then_some(record)
    }

    /// Every record that parses.
    pub fn all(&self) -> Vec<Record> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.extension().is_some_and(|x| x == "json"))
            .collect();
        files.sort();
        files
            .iter()
            .filter_map(|p| serde_json::from_slice(&std::fs::read(p).ok()?).ok())
            .collect()
    }

    /// Removes the leftovers of runs that were killed.
    pub fn sweep(&self) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".part-") {
                // Another sweep may have been faster; a leftover does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Removes records of jobs that no longer exist.
    pub fn keep_only(&self, jobs: &BTreeSet<String>) {
        for record in self.all() {
            if !jobs.contains(&record.job) {
                let _ = std::fs::remove_file(self.file(&record.job));
            }
        }
    }

    /// Takes over the records of other stores; of two records of one job the newer one stays. Returns how many were
    /// taken.
    ///
    /// # Errors
    /// When a folder cannot be read or holds no record, so that a mistyped path is not a silent nothing.
    pub fn merge(&self, dirs: &[PathBuf]) -> Result<usize> {
        let mut taken = 0;
        for dir in dirs {
            let other = if dir.join("evidence").is_dir() {
                dir.join("evidence")
            } else {
                dir.clone()
            };
            let records = Store::at(&other).all();
            if records.is_empty() {
                anyhow::bail!(
                    "{} holds no evidence\n  fix: name the folder that `cargo book test` wrote (target/book)",
                    dir.display()
                );
            }
            for record in records {
                let newer = self.read(&record.job).is_none_or(|own| own.ran_at < record.ran_at);
                if newer {
                    self.write(&record)?;
                    taken += 1;
                }
            }
        }
        Ok(taken)
    }
}

/// The time, RFC 3339, UTC, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(job: &str, ran_at: &str, inputs: &[(&str, &str)]) -> Record {
        Record {
            job: job.into(),
            lane: Lane::Offline,
            inputs: inputs.iter().map(|(p, h)| ((*p).to_owned(), (*h).to_owned())).collect(),
            versions: BTreeMap::new(),
            ran_at: ran_at.into(),
            seconds: 0.5,
            passed: true,
            findings: vec![],
            uses: vec![],
            coverage: BTreeMap::from([("a.rs".into(), BTreeMap::from([(3, 1)]))]),
            compiled: BTreeSet::new(),
            blocks: vec![],
            checks: 0,
        }
    }

    #[test]
    fn a_record_comes_back_and_knows_what_changed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        std::fs::write(root.join("a.rs"), "x").unwrap();
        let store = Store::at(dir.path().join("evidence"));
        let mut hashes = Hashes::new(&root);
        let hash = hashes.of("a.rs").unwrap();
        store
            .write(&record("test:a", "2026-01-01T00:00:00Z", &[("a.rs", &hash)]))
            .unwrap();
        let back = store.read("test:a").unwrap();
        assert_eq!(back.coverage["a.rs"][&3], 1);
        assert_eq!(back.changed(&mut hashes), None);
        std::fs::write(root.join("a.rs"), "y").unwrap();
        hashes.forget();
        assert_eq!(back.changed(&mut hashes), Some("a.rs".into()));
    }

    #[test]
    fn half_a_record_counts_as_none_and_a_leftover_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        store.write(&record("site", "2026-01-01T00:00:00Z", &[])).unwrap();
        let file = store.file("site");
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        std::fs::write(dir.path().join(".part-x"), "{").unwrap();
        assert!(store.read("site").is_none());
        assert_eq!(store.all().len(), 0);
        store.sweep();
        assert!(!dir.path().join(".part-x").exists());
    }

    #[test]
    fn the_newer_of_two_records_stays() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (own, other) = (Store::at(a.path()), Store::at(b.path()));
        own.write(&record("x", "2026-01-02T00:00:00Z", &[])).unwrap();
        other.write(&record("x", "2026-01-01T00:00:00Z", &[])).unwrap();
        other.write(&record("y", "2026-01-01T00:00:00Z", &[])).unwrap();
        assert_eq!(own.merge(&[b.path().to_path_buf()]).unwrap(), 1);
        assert_eq!(own.read("x").unwrap().ran_at, "2026-01-02T00:00:00Z");
        assert!(own.merge(&[b.path().join("nothing")]).is_err());
    }
}
