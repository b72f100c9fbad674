//! What a file is written for, as far as its first words say: that decides what has to prove it.
//!
//! Only the layout that people write by hand is understood here: block style, keys of documents at the left edge.
//! Whoever writes otherwise gets a stricter answer from the reader of formats, or none from here.

use std::collections::BTreeSet;

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
