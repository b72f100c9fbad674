//! What there is to run: jobs, made from pages and packages, each with the hashes of all that it is made from.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Hashes, Record, sha256};
use crate::model::{Block, Lane, Origin, Root};
use crate::page::{Pages, files_below};
use crate::workspace::Workspace;

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs a package's tests of one lane.
    Tests {
        /// The package.
        package: String,
    },
    /// Runs clippy and rustfmt on a package.
    Lint {
        /// The package.
        package: String,
    },
    /// Compiles and runs the Rust that a page writes.
    Snippets {
        /// The page.
        page: String,
    },
    /// Runs a page's shell sessions.
    Console {
        /// The page.
        page: String,
    },
    /// Parses a page's diagrams.
    Diagrams {
        /// The page.
        page: String,
    },
    /// Builds the site; its links resolve, its HTML is balanced.
    Site,
}

/// One unit of work, kept or repeated as a whole.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name in the evidence: `test:links-api:offline`.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// Where it can run.
    pub lane: Lane,
    /// Path → SHA-256 of all that it is made from. A key that starts with `=` is a value, not a file.
    pub inputs: BTreeMap<String, String>,
}

impl Job {
    /// The page whose blocks the job checks itself.
    pub fn page(&self) -> Option<&str> {
        match &self.kind {
            Kind::Snippets { page } | Kind::Console { page } | Kind::Diagrams { page } => Some(page),
            _ => None,
        }
    }

    /// The package that it tests or lints.
    pub fn package(&self) -> Option<&str> {
        match &self.kind {
            Kind::Tests { package } | Kind::Lint { package } => Some(package),
            _ => None,
        }
    }

    /// Why a record no longer speaks of this job, `None` when it does.
    pub fn changed(&self, record: &Record, hashes: &mut Hashes) -> Option<String> {
        for (path, hash) in &self.inputs {
            if record.inputs.get(path) != Some(hash) {
                return Some(readable(path));
            }
        }
        if let Some(gone) = record.inputs.keys().find(|path| !self.inputs.contains_key(*path)) {
            return Some(readable(gone));
        }
        record.changed(hashes).map(|path| readable(&path))
    }
}

/// An input's name for people.
fn readable(path: &str) -> String {
    match path.strip_prefix('=') {
        Some(value) => value.split(':').next().unwrap_or(value).to_owned(),
        None => path.to_owned(),
    }
}

/// What identifies a block wherever it stands: language, attributes, text.
pub fn block_hash(block: &Block) -> String {
    sha256(format!("{}\n{:?}\n{}", block.lang, block.attrs, block.text).as_bytes())
}

/// SHA-256 of what a reader sees of a block.
pub fn shown_hash(block: &Block) -> String {
    match block.origin.file() {
        Some(file) => sha256(file.text.as_bytes()),
        None => sha256(block.text.as_bytes()),
    }
}

/// The lane of a console block: its own word, else what its commands need.
pub fn console_lane(block: &Block) -> Lane {
    if let Some(lane) = block.attr("lane").and_then(|word| word.parse().ok()) {
        return lane;
    }
    let commands = block.text.lines().filter_map(|l| l.trim_start().strip_prefix("$ "));
    let words: BTreeSet<&str> = commands
        .flat_map(|c| c.split(['|', '&', ';', '(', ')']))
        .filter_map(|c| c.split_whitespace().next())
        .collect();
    if words.contains("kubectl") || words.contains("kind") {
        Lane::Kind
    } else if words.contains("docker") {
        Lane::Docker
    } else {
        Lane::Offline
    }
}

/// Every job of the book, in the order in which they are best run: cheap ones first.
pub fn plan(
    root: &Root,
    config: &crate::config::Config,
    pages: &Pages,
    workspace: &Workspace,
    hashes: &mut Hashes,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    for page in &pages.pages {
        let of = |origin: fn(&Origin) -> bool| -> Vec<&Block> {
            page.blocks
                .iter()
                .filter(|b| b.attr("exempt").is_none() && origin(&b.origin))
                .collect()
        };
        let diagrams = of(|o| *o == Origin::Diagram);
        if !diagrams.is_empty() {
            let inputs = block_inputs(&diagrams)
                .chain(file_inputs(hashes, ["Cargo.lock".to_owned()]))
                .collect();
            let id = format!("diagrams:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Diagrams {
                    page: page.path.clone(),
                },
                lane: Lane::Offline,
                inputs,
            });
        }
        let snippets: Vec<&Block> = of(|o| *o == Origin::Inline)
            .into_iter()
            .filter(|b| b.lang == "rust")
            .collect();
        if !snippets.is_empty() {
            let files = config
                .snippets
                .as_deref()
                .map(|p| workspace.inputs(root, p))
                .unwrap_or_default();
            let mut inputs: BTreeMap<String, String> =
                block_inputs(&snippets).chain(file_inputs(hashes, files)).collect();
            inputs.extend(value("compiler", &workspace.rustc));
            let id = format!("snippets:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Snippets {
                    page: page.path.clone(),
                },
                lane: Lane::Offline,
                inputs,
            });
        }
        let consoles = of(|o| *o == Origin::Console);
        if !consoles.is_empty() {
            let lane = consoles.iter().map(|b| console_lane(b)).max().unwrap_or(Lane::Offline);
            let mut inputs: BTreeMap<String, String> = block_inputs(&consoles).collect();
            // The order matters to a session.
            let order: Vec<String> = consoles.iter().map(|b| block_hash(b)).collect();
            inputs.extend(value("session", &order.join(" ")));
            for dir in session_dirs(&consoles) {
                inputs.extend(file_inputs(hashes, files_below(root, &dir)));
            }
            if lane >= Lane::Docker {
                inputs.extend(file_inputs(hashes, files_below(root, "docker")));
            }
            let id = format!("console:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Console {
                    page: page.path.clone(),
                },
                lane,
                inputs,
            });
        }
    }
    let mut site: Vec<String> = files_below(root, &config.src);
    site.extend(files_below(root, "theme"));
    site.extend(pages.shown().into_keys().map(str::to_owned));
    site.extend(pages.pages.iter().flat_map(|p| p.facts.iter().map(|f| f.1.clone())));
    site.push("book.toml".into());
    jobs.push(Job {
        id: "site".into(),
        kind: Kind::Site,
        lane: Lane::Offline,
        inputs: file_inputs(hashes, site).collect(),
    });
    for package in workspace.packages.values() {
        if config.snippets.as_deref() == Some(&package.name) {
            continue;
        }
        let files = workspace.inputs(root, &package.name);
        let mut inputs: BTreeMap<String, String> = file_inputs(hashes, files).collect();
        inputs.extend(value("compiler", &workspace.rustc));
        let lint = Kind::Lint {
            package: package.name.clone(),
        };
        jobs.push(Job {
            id: format!("lint:{}", package.name),
            kind: lint,
            lane: Lane::Offline,
            inputs: inputs.clone(),
        });
        for lane in &package.lanes {
            let mut inputs = inputs.clone();
            if *lane >= Lane::Docker {
                inputs.extend(file_inputs(hashes, files_below(root, "docker")));
            }
            let id = format!("test:{}:{lane}", package.name);
            jobs.push(Job {
                id,
                kind: Kind::Tests {
                    package: package.name.clone(),
                },
                lane: *lane,
                inputs,
            });
        }
    }
    jobs.sort_by_key(|job| job.lane);
    jobs
}

fn block_inputs<'a>(blocks: &'a [&'a Block]) -> impl Iterator<Item = (String, String)> + 'a {
    blocks
        .iter()
        .flat_map(|b| value("a block of this page", &block_hash(b)))
}

fn value(name: &str, value: &str) -> Option<(String, String)> {
    let key = format!("={name}:{value}");
    let hash = sha256(&key.as_bytes()[1..]);
    Some((key, hash))
}

fn file_inputs(hashes: &mut Hashes, files: impl IntoIterator<Item = String>) -> impl Iterator<Item = (String, String)> {
    files
        .into_iter()
        .filter_map(|f| hashes.of(&f).map(|h| (f, h)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Folders below the root that a session works in: `dir=` and the targets of `cd`.
fn session_dirs(blocks: &[&Block]) -> BTreeSet<String> {
    let mut dirs = BTreeSet::new();
    for block in blocks {
        dirs.extend(block.attr("dir").map(str::to_owned));
        for line in block.text.lines() {
            if let Some(dir) = line.trim_start().strip_prefix("$ cd ") {
                dirs.insert(dir.trim().trim_end_matches('/').to_owned());
            }
        }
    }
    dirs.retain(|d| !d.is_empty() && !d.starts_with('/') && !d.starts_with('.') && !d.starts_with('$'));
    dirs
}
