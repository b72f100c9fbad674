//! What a run leaves on the Docker engine: compared before and after.

use std::collections::BTreeMap;
use std::process::Command;

use crate::model::Finding;

/// The engine's containers, networks and volumes at one moment.
#[derive(Debug)]
pub struct Snapshot {
    things: BTreeMap<String, String>,
}

const KINDS: [(&str, &[&str]); 3] = [
    (
        "container",
        &[
            "ps",
            "--all",
            "--no-trunc",
            "--format",
            "{{.ID}} {{.Names}} ({{.Image}})",
        ],
    ),
    (
        "network",
        &["network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"],
    ),
    ("volume", &["volume", "ls", "--format", "{{.Name}} {{.Name}}"]),
];

impl Snapshot {
    /// Asks the engine. An engine that does not answer has nothing.
    pub fn take() -> Snapshot {
        let mut things = BTreeMap::new();
        for (kind, args) in KINDS {
            let Ok(out) = Command::new("docker").args(args).output() else {
                continue;
            };
            for line in String::from_utf8_lossy(&out.stdout).lines() {
                if let Some((id, name)) = line.split_once(' ') {
                    things.insert(format!("{kind} {id}"), format!("{kind} {name}"));
                }
            }
        }
        Snapshot { things }
    }

    /// What is there now and was not then: a finding each. What carries this run's label is removed.
    pub fn left(&self, run: &str) -> Vec<Finding> {
        let filter = format!("label=book.test={run}");
        if let Ok(out) = Command::new("docker")
            .args(["ps", "--all", "--quiet", "--filter", &filter])
            .output()
        {
            for id in String::from_utf8_lossy(&out.stdout).split_whitespace() {
                // Reported below as left behind; here only the damage is undone.
                let _ = Command::new("docker").args(["rm", "--force", "--volumes", id]).output();
            }
        }
        Snapshot::take()
            .things
            .into_iter()
            .filter(|(id, _)| !self.things.contains_key(id))
            .map(|(_, name)| {
                Finding::new(
                    "docker",
                    1,
                    format!("the run left a {name} behind"),
                    "let the test or the page remove what it starts, also when it fails",
                )
            })
            .collect()
    }
}
