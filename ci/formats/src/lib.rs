//! Reads manifests, protocols and queries as their own tools would, without those tools.
//!
//! What only an engine can know (a selector that does not match, a rule in CEL, a metric that nobody exports) is not
//! known here; that is what the lanes are for. Every answer names file and line.
//!
//! | module | what lives there |
//! |---|---|
//! | `tree` | YAML with the line of each value |
//! | `manifest` | objects against the types of the Kubernetes API |
//! | `custom` | objects against the schemas of the book's own CustomResourceDefinitions |
//! | `others` | kind clusters, Compose files, Prometheus rules, PromQL, protocols |

mod custom;
mod manifest;
mod others;
mod tree;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is to be read.
#[derive(Debug, Deserialize, Serialize)]
pub struct Request {
    /// The folder that paths are relative to.
    pub root: PathBuf,
    /// The files.
    pub files: Vec<Asked>,
    /// Files with CustomResourceDefinitions, whose objects `files` may hold.
    #[serde(default)]
    pub definitions: Vec<String>,
}

/// A file and what it is written for.
#[derive(Debug, Deserialize, Serialize)]
pub struct Asked {
    /// Relative to the root.
    pub path: String,
    /// What it is written for.
    pub format: Format,
}

/// What a file is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Objects for the Kubernetes API.
    Manifest,
    /// The configuration of a kind cluster.
    Cluster,
    /// Services for Docker Compose.
    Compose,
    /// Rules for Prometheus.
    Rules,
    /// A query for Prometheus.
    Promql,
    /// A protocol of gRPC.
    Proto,
}

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Wrong {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: usize,
    /// In plain words.
    pub what: String,
    /// What to do about it. May be empty.
    pub fix: String,
}

/// A line and what is wrong in it, while the file is still known to the caller.
pub(crate) type Found = (usize, String, String);

/// Reads all files; what is wrong in them, sorted. A file that cannot be read is wrong in its first line.
pub fn check(request: &Request) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let read = |path: &str| std::fs::read_to_string(request.root.join(path));
    let mut definitions = custom::Definitions::default();
    for path in &request.definitions {
        // What is wrong with it is said where it is shown.
        if let Ok(documents) = read(path)
            .map_err(drop)
            .and_then(|text| tree::documents(&text).map_err(drop))
        {
            documents.iter().for_each(|d| definitions.learn(d));
        }
    }
    for Asked { path, format } in &request.files {
        let found = match read(path) {
            Ok(text) => one(&request.root, path, *format, &text, &definitions),
            Err(error) => vec![(1, format!("cannot be read: {error}"), String::new())],
        };
        wrong.extend(found.into_iter().map(|(line, what, fix)| Wrong {
            path: path.clone(),
            line,
            what,
            fix,
        }));
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

fn one(root: &Path, path: &str, format: Format, text: &str, definitions: &custom::Definitions) -> Vec<Found> {
    match format {
        Format::Promql => return others::promql(text),
        Format::Proto => return others::proto(root, path),
        _ => {}
    }
    let documents = match tree::documents(text) {
        Ok(documents) => documents,
        Err(found) => return vec![found],
    };
    let each = documents.iter();
    match format {
        Format::Manifest => each.flat_map(|d| manifest::check(d, definitions)).collect(),
        Format::Cluster => each.flat_map(others::cluster).collect(),
        Format::Rules => each.flat_map(others::rules).collect(),
        Format::Compose | Format::Promql | Format::Proto => Vec::new(),
    }
}

/// The name among these that a misspelt one may have meant.
pub(crate) fn did_you_mean<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let near = names.map(|name| (distance(word, name), name)).min();
    match near {
        Some((far, name)) if far <= 1 + word.len() / 5 => format!(" (did you mean `{name}`?)"),
        _ => String::new(),
    }
}

/// Levenshtein's edit distance, blind to upper case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The program: a [`Request`] as JSON on standard input, a list of [`Wrong`] on standard output.
pub fn main() -> std::process::ExitCode {
    let request: Request = match serde_json::from_reader(std::io::stdin()) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("the request does not parse: {error}");
            return std::process::ExitCode::from(2);
        }
    };
    match serde_json::to_writer(std::io::stdout(), &check(&request)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the answer cannot be written: {error}");
            std::process::ExitCode::from(2)
        }
    }
}
