//! What a file is written for, as far as its first words say: that decides what has to prove it.
//!
//! Files that are written for an engine are first read without it, by a program of its own ([`READER`]): whoever only
//! reads the book need not build what that is made from.
//!
//! To say what a file is, only the layout that people write by hand is understood here: block style, keys of documents at the left edge.
//! Whoever writes otherwise gets a stricter answer from the reader of formats, or none from here.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::config::Config;
use crate::model::{Block, Root};
use crate::page::files_below;

/// The package, and its program, that reads files of these formats.
pub const READER: &str = "book-formats";

/// What a listing is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Format {
    /// What a file is, from its language on a page and its whole text. `None`: nothing more is known.
    pub fn of(lang: &str, text: &str) -> Option<Format> {
        match lang {
            "promql" => Some(Format::Promql),
            "proto" => Some(Format::Proto),
            "yaml" => of_yaml(text),
            _ => None,
        }
    }

    /// Its name to the reader of formats.
    pub fn word(self) -> &'static str {
        match self {
            Format::Manifest => "manifest",
            Format::Cluster => "cluster",
            Format::Compose => "compose",
            Format::Rules => "rules",
            Format::Promql => "promql",
            Format::Proto => "proto",
        }
    }
}

/// Whether a block shows a file that is read. One that the API must refuse may be wrong in any way.
pub fn is_read(block: &Block) -> bool {
    block.format.is_some() && block.attr("refused").is_none() && block.attr("exempt").is_none()
}

/// The name of the job that reads the files of a page.
pub fn job(page: &str) -> String {
    format!("formats:{page}")
}

/// The book's files that define kinds of their own, whether shown or not.
pub fn definitions(root: &Root, config: &Config) -> Vec<String> {
    let folders = config.listings.iter().map(String::as_str).chain(["k8s"]);
    let files = folders.flat_map(|dir| files_below(root, dir));
    let defines = |path: &String| {
        let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        objects(&text).iter().any(|o| o.kind == "CustomResourceDefinition")
    };
    files
        .filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"))
        .filter(defines)
        .collect()
}

/// What the reader says of a file.
#[derive(Clone, Debug, Deserialize)]
pub struct Wrong {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: usize,
    /// In plain words.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Lets the reader read files.
///
/// # Errors
/// When it does not start or gives no answer.
pub fn read(
    program: &Path,
    root: &Root,
    files: &BTreeSet<(String, Format)>,
    definitions: &[String],
) -> Result<Vec<Wrong>> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, format)| serde_json::json!({ "path": path, "format": format.word() }))
        .collect();
    let request = serde_json::json!({ "root": root.path, "files": files, "definitions": definitions });
    let name = || program.display().to_string();
    let mut child = Command::new(program)
        // A test program that plays this role knows it by this word.
        .arg("formats")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(name)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(request.to_string().as_bytes()).with_context(name)?;
    }
    let out = child.wait_with_output().with_context(name)?;
    if !out.status.success() {
        bail!("{} ended with {}", name(), out.status);
    }
    serde_json::from_slice(&out.stdout).with_context(name)
}

fn of_yaml(text: &str) -> Option<Format> {
    let objects = objects(text);
    if objects.iter().any(|o| o.api_version.starts_with("kind.x-k8s.io/")) {
        return Some(Format::Cluster);
    }
    // Read by a program on this side of the API, as a kustomization is.
    let other = |o: &Object| o.api_version.ends_with(".config.k8s.io") || o.api_version.contains(".config.k8s.io/");
    if objects.iter().any(|o| !o.api_version.is_empty() && !o.kind.is_empty()) {
        return (!objects.iter().all(other)).then_some(Format::Manifest);
    }
    let keys: BTreeSet<&str> = text.lines().filter_map(|line| Some(top(line)?.0)).collect();
    if keys.contains("services") {
        Some(Format::Compose)
    } else if keys.contains("groups") {
        Some(Format::Rules)
    } else {
        None
    }
}

/// One document of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The name in its metadata.
    pub name: String,
}

/// The documents of a file that name themselves. Other text around them, as of a shell that feeds one to a program,
/// does not matter.
pub fn objects(text: &str) -> Vec<Object> {
    let mut objects = vec![Object::default()];
    // The top-level key that a line belongs to, and how deep what stands right below that key is.
    let (mut section, mut level) = ("", None);
    for line in text.lines() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            objects.push(Object::default());
            (section, level) = ("", None);
            continue;
        }
        let Some(object) = objects.last_mut() else { continue };
        if let Some((key, value)) = top(line) {
            (section, level) = (key, None);
            match key {
                "apiVersion" => object.api_version = plain(value),
                "kind" => object.kind = plain(value),
                _ => {}
            }
        } else if section == "metadata" {
            let inner = line.trim_start();
            let depth = line.len() - inner.len();
            if inner.is_empty() || inner.starts_with('#') {
                continue;
            }
            // A label may be called so too, and lies deeper.
            if *level.get_or_insert(depth) == depth
                && let Some(value) = inner.strip_prefix("name:")
            {
                object.name = plain(value);
            }
        }
    }
    objects.retain(|o| !o.api_version.is_empty() || !o.kind.is_empty());
    objects
}

/// A key at the left edge, with what stands behind it.
fn top(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!key.is_empty() && key.chars().all(good) && (value.is_empty() || value.starts_with([' ', '\t'])))
        .then_some((key, value))
}

/// A plain or quoted word, without a comment behind it.
fn plain(value: &str) -> String {
    let value = value.split(" #").next().unwrap_or_default();
    value.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_keys() {
        for (lang, text, format) in [
            ("yaml", "apiVersion: v1\nkind: ConfigMap\n", Some(Format::Manifest)),
            (
                "yaml",
                "# of the shop\n---\nkind: Deployment\napiVersion: apps/v1 # the stable one\n",
                Some(Format::Manifest),
            ),
            (
                "yaml",
                "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n",
                Some(Format::Cluster),
            ),
            (
                "yaml",
                "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n",
                None,
            ),
            ("yaml", "services:\n  api:\n    image: x\n", Some(Format::Compose)),
            ("yaml", "name: shop\nservices:\n  api: {}\n", Some(Format::Compose)),
            ("yaml", "groups:\n- name: api\n  rules: []\n", Some(Format::Rules)),
            ("yaml", "global:\n  scrape_interval: 1s\n", None),
            ("yaml", "factor: 2\n", None),
            ("yaml", "spec:\n  services:\n    a: 1\n", None),
            ("promql", "up\n", Some(Format::Promql)),
            ("proto", "syntax = \"proto3\";\n", Some(Format::Proto)),
            ("toml", "services = 1\n", None),
        ] {
            assert_eq!(Format::of(lang, text), format, "{text}");
        }
    }

    #[test]
    fn each_document_names_itself() {
        let text = "$ kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    \
                    name: no\n  name: \"shop\"\n---\napiVersion: v1\nkind: Service\nmetadata: {}\nspec:\n  \
                    name: neither\nEOF\n";
        let found: Vec<(String, String)> = objects(text).into_iter().map(|o| (o.kind, o.name)).collect();
        let words = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        assert_eq!(found, [words("Namespace", "shop"), words("Service", "")]);
    }
}
