//! The words of the verifier. No I/O lives here, but for the run's own folders.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::formats::Format;

/// One fenced code block of one page.
#[derive(Clone, Debug)]
pub struct Block {
    /// The page, relative to the book's root, with `/` (`src/preface.md`).
    pub page: String,
    /// Line of the opening fence, counted from 1.
    pub line: usize,
    /// Line of the closing fence.
    pub end_line: usize,
    /// The language tag, the first word of the info string.
    pub lang: String,
    /// The info string's attributes after the language. A bare word maps to the empty string.
    pub attrs: BTreeMap<String, String>,
    /// What the page's source holds between the fences: one `\n`-terminated line each, indentation of the
    /// fence removed.
    pub text: String,
    /// Where the text that readers see comes from.
    pub origin: Origin,
    /// What a listing is written for, where that says how it is proven.
    pub format: Option<Format>,
}

impl Block {
    /// The value of an attribute: `Some("")` for a bare word.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.get(name).map(String::as_str)
    }

    /// `src/preface.md:12`.
    pub fn at(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// Where a block's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file of the repository that a test is to be seen using.
    Listing(Included),
    /// A file that a check captured and compares.
    Output(Included),
    /// A shell session, run from the page.
    Console,
    /// A diagram.
    Diagram,
    /// A quiz, a lab or an exercise.
    Widget,
    /// Written in the page.
    Inline,
}

impl Origin {
    /// The word that `status --json` prints.
    pub fn word(&self) -> &'static str {
        match self {
            Origin::Listing(_) => "listing",
            Origin::Output(_) => "output",
            Origin::Console => "console",
            Origin::Diagram => "diagram",
            Origin::Widget => "widget",
            Origin::Inline => "inline",
        }
    }

    /// The included file, if there is one.
    pub fn file(&self) -> Option<&Included> {
        match self {
            Origin::Listing(f) | Origin::Output(f) => Some(f),
            _ => None,
        }
    }
}

/// What an include directive brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The file, relative to the book's root, with `/`.
    pub path: String,
    /// The numbers of the file's lines that the page shows, ascending, counted from 1.
    pub lines: Vec<usize>,
    /// The text of those lines, anchor comments taken out.
    pub text: String,
}

/// Where a check can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Rust alone.
    Offline,
    /// A Docker engine.
    Docker,
    /// A kind cluster.
    Kind,
    /// Headless Chromium.
    Browser,
}

impl Lane {
    /// Every lane, cheapest first.
    pub const ALL: [Lane; 4] = [Lane::Offline, Lane::Docker, Lane::Kind, Lane::Browser];

    /// The word for it on the command line and on pages; also the cargo feature that a lane's tests require.
    pub fn word(self) -> &'static str {
        match self {
            Lane::Offline => "offline",
            Lane::Docker => "docker",
            Lane::Kind => "kind",
            Lane::Browser => "browser",
        }
    }

    /// Whether its checks start things on a Docker engine.
    pub fn has_engine(self) -> bool {
        matches!(self, Lane::Docker | Lane::Kind)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for Lane {
    type Err = String;

    fn from_str(word: &str) -> Result<Lane, String> {
        Lane::ALL
            .into_iter()
            .find(|lane| lane.word() == word)
            .ok_or_else(|| format!("there is no lane `{word}`; the lanes are offline, docker, kind and browser"))
    }
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its check ran on exactly these inputs and held.
    Verified,
    /// Its check ran on exactly these inputs and did not hold.
    Failed,
    /// Its check ran, but on other inputs.
    Stale,
    /// No check has run.
    NotRun,
    /// Nothing checks it, for a written reason.
    Exempt,
}

impl Verdict {
    /// The word for it on pages and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Failed => "failed",
            Verdict::Stale => "stale",
            Verdict::NotRun => "not-run",
            Verdict::Exempt => "exempt",
        }
    }
}

/// Something that would mislead a reader, where the reader would meet it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The page (or configuration file), relative to the book's root.
    pub page: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, one or more lines, in plain words.
    pub what: String,
    /// What to do about it: a command where one helps. May be empty.
    pub fix: String,
}

impl Finding {
    /// A finding at a page's line.
    pub fn new(page: impl Into<String>, line: usize, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding {
            page: page.into(),
            line,
            what: what.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.page, self.line, self.what)?;
        if !self.fix.is_empty() {
            write!(f, "\n  fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// What a check says of one block that it ran.
#[derive(Clone, Debug)]
pub struct BlockResult {
    /// The block's page.
    pub page: String,
    /// The block's line.
    pub line: usize,
    /// Nothing, or what a reader would have been misled by.
    pub findings: Vec<Finding>,
    /// One line for the badge: what was run (`compiled and run, edition 2024`). Empty says nothing.
    pub detail: String,
}

impl BlockResult {
    /// What a check says of a block.
    pub fn of(block: &Block, findings: Vec<Finding>, detail: &str) -> BlockResult {
        BlockResult {
            page: block.page.clone(),
            line: block.line,
            findings,
            detail: detail.to_owned(),
        }
    }
}

/// The book's root folder and where the verifier keeps its own files.
#[derive(Clone, Debug)]
pub struct Root {
    /// The folder of `book.toml`.
    pub path: PathBuf,
}

impl Root {
    /// A path below the root.
    pub fn join(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// The verifier's own folder below cargo's target folder: evidence, profiles, copies for skeptic.
    ///
    /// `BOOK_WORK` names another one, for books that share a target folder.
    pub fn work(&self) -> PathBuf {
        if let Some(dir) = std::env::var_os("BOOK_WORK") {
            return dir.into();
        }
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.path.join(dir).join("book"),
            None => self.path.join("target/book"),
        }
    }

    /// Where a run keeps what only it needs. The next run empties it, should this one be killed.
    pub fn scratch(&self) -> PathBuf {
        self.work().join("scratch")
    }

    /// A new folder there.
    pub fn scratch_dir(&self, prefix: &str) -> std::io::Result<tempfile::TempDir> {
        let dir = std::path::absolute(self.scratch())?;
        std::fs::create_dir_all(&dir)?;
        tempfile::Builder::new().prefix(prefix).tempdir_in(dir)
    }
}

/// What `status` prints of a block, and what its badge shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The block's page.
    pub page: String,
    /// The block's line.
    pub line: usize,
    /// Its language tag.
    pub lang: String,
    /// `listing`, `inline`, `console`, `output`, `diagram` or `widget`.
    pub origin: String,
    /// The included file, if any.
    pub listing: Option<String>,
    /// First and last shown line of that file.
    pub lines: Option<[usize; 2]>,
    /// The name of its check: `lines executed`, `run by skeptic`, `built and used`, …
    pub check: String,
    /// Where the check runs.
    pub lane: Lane,
    /// What is known.
    pub verdict: Verdict,
    /// Why it is not verified, or for what reason it is exempt. Empty when verified.
    pub reason: String,
    /// When the evidence was made, RFC 3339, UTC.
    pub ran_at: Option<String>,
    /// What was seen: one line each (`first_image::runs_as_root built it`).
    pub evidence: Vec<String>,
    /// How long the jobs took that this rests on, in seconds.
    pub seconds: f64,
    /// Tools and images that took part, with what they truly were.
    pub versions: BTreeMap<String, String>,
    /// SHA-256 of what readers see, hexadecimal.
    pub hash: String,
}
