//! What is not sent to the Kubernetes API: kind clusters, Prometheus rules and queries, protocols.

use std::path::{Path, PathBuf};

use crate::tree::Tree;
use crate::{Found, did_you_mean};

/// The keys of a kind cluster's configuration, by where they stand. An item of a list stands where the list does.
const CLUSTER: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "kind",
            "apiVersion",
            "name",
            "nodes",
            "networking",
            "featureGates",
            "runtimeConfig",
            "kubeadmConfigPatches",
            "kubeadmConfigPatchesJSON6902",
            "containerdConfigPatches",
            "containerdConfigPatchesJSON6902",
        ],
    ),
    (
        "nodes",
        &[
            "role",
            "image",
            "labels",
            "extraMounts",
            "extraPortMappings",
            "kubeadmConfigPatches",
            "kubeadmConfigPatchesJSON6902",
        ],
    ),
    (
        "nodes.extraMounts",
        &["hostPath", "containerPath", "readOnly", "selinuxRelabel", "propagation"],
    ),
    (
        "nodes.extraPortMappings",
        &["containerPort", "hostPort", "listenAddress", "protocol"],
    ),
    (
        "networking",
        &[
            "ipFamily",
            "apiServerPort",
            "apiServerAddress",
            "podSubnet",
            "serviceSubnet",
            "disableDefaultCNI",
            "kubeProxyMode",
            "dnsSearch",
        ],
    ),
];

/// The only version of such a configuration.
const CLUSTER_VERSION: &str = "kind.x-k8s.io/v1alpha4";

/// What is wrong with the configuration of a kind cluster.
pub fn cluster(document: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(version) = document.get("apiVersion")
        && document.text("apiVersion") != Some(CLUSTER_VERSION)
    {
        let what = "kind reads another version of its configuration".to_owned();
        found.push((version.line, what, format!("write apiVersion: {CLUSTER_VERSION}")));
    }
    known(document, "", &mut found);
    for node in document.get("nodes").map(Tree::items).unwrap_or_default() {
        if let Some(role) = node.get("role")
            && !matches!(node.text("role"), Some("control-plane" | "worker"))
        {
            let fix = "write control-plane or worker".to_owned();
            found.push((role.line, "a node has no such role".into(), fix));
        }
    }
    found
}

fn known(tree: &Tree, path: &str, found: &mut Vec<Found>) {
    tree.items().iter().for_each(|item| known(item, path, found));
    let Some((_, keys)) = CLUSTER.iter().find(|(at, _)| *at == path) else {
        return;
    };
    for (line, key, value) in tree.entries() {
        let here = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if keys.contains(&key.as_str()) {
            known(value, &here, found);
        } else {
            let near = did_you_mean(key, keys.iter().copied());
            let what = format!("unknown field `{here}` of a kind cluster{near}");
            found.push((*line, what, "correct the name, or take it out".into()));
        }
    }
}

/// What is wrong with the queries of Prometheus rules.
pub fn rules(document: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    let groups = document.get("groups").map(Tree::items).unwrap_or_default();
    for rule in groups
        .iter()
        .flat_map(|g| g.get("rules").map(Tree::items).unwrap_or_default())
    {
        match (rule.get("expr"), rule.text("expr")) {
            (Some(expr), Some(text)) => found.extend(query(text).map(|what| (expr.line, what, FIX.into()))),
            (Some(expr), None) if matches!(expr.json(), serde_json::Value::Number(_)) => {}
            (at, _) => {
                let line = at.map_or(rule.line, |t| t.line);
                found.push((line, "a rule without a query".into(), "give it `expr`".into()));
            }
        }
    }
    found
}

const FIX: &str = "correct the query";

/// What is wrong with a file of PromQL: one query, or one between each pair of anchors.
pub fn promql(text: &str) -> Vec<Found> {
    let mut queries: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    let anchored = text.contains("ANCHOR:");
    for (i, line) in text.lines().enumerate() {
        let comment = line.trim_start().starts_with('#');
        if comment && anchored {
            open &= !line.contains("ANCHOR_END:");
            if line.contains("ANCHOR:") {
                open = true;
                queries.push((0, String::new()));
            }
        }
        if comment || line.trim().is_empty() || (anchored && !open) {
            continue;
        }
        if queries.is_empty() {
            queries.push((0, String::new()));
        }
        if let Some((from, query)) = queries.last_mut() {
            if *from == 0 {
                *from = i + 1;
            }
            query.push_str(line);
            query.push('\n');
        }
    }
    if queries.iter().all(|(from, _)| *from == 0) {
        return vec![(1, "holds no query".into(), FIX.into())];
    }
    let of = |(from, text): &(usize, String)| query(text).map(|what| (*from, what, FIX.to_owned()));
    queries.iter().filter(|(from, _)| *from > 0).filter_map(of).collect()
}

fn query(text: &str) -> Option<String> {
    let error = promql_parser::parser::parse(text).err()?;
    Some(format!("is no PromQL: {}", error.trim()))
}

/// What is wrong with a protocol. What it imports is looked for from its own folder upwards, then among Google's.
pub fn proto(root: &Path, path: &str) -> Vec<Found> {
    let file = root.join(path);
    let folders: Vec<PathBuf> = file
        .ancestors()
        .skip(1)
        .take_while(|dir| dir.starts_with(root))
        .map(Path::to_path_buf)
        .collect();
    let compiled = protox::Compiler::new(folders).and_then(|mut compiler| compiler.open_file(&file).map(drop));
    let Err(error) = compiled else { return Vec::new() };
    // `name.proto:LINE:COLUMN: what`, where the place is known.
    let said = format!("{error:?}");
    let line = said.split(':').nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    vec![(
        line,
        format!("does not compile: {error}"),
        "correct the protocol".into(),
    )]
}
