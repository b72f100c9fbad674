//! The shared kind cluster: whether it lives, how it is made, found again, healed and removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{QUESTION, ask, logged};

/// The cluster's name, which `k8s/kind.yaml` gives too.
pub const NAME: &str = "cloud-native-rust";

/// How the cluster is made, relative to the book's root.
pub const CONFIG: &str = "k8s/kind.yaml";

/// The image of its nodes, which `k8s/kind.yaml` and `docker/images.toml` name too.
pub const IMAGE: &str = "kindest/node:v1.36.3";

/// kind puts this label, with the cluster's name, on the containers that are its nodes.
const LABEL: &str = "io.x-k8s.kind.cluster";

/// A node may take this long to become Ready again: after a restart, or on a busy machine.
const RECOVERY: Duration = Duration::from_secs(45);

/// Longest creation of a cluster: its node is Ready in a fraction of it.
const CREATION: Duration = Duration::from_secs(300);

/// How often a node that is not Ready is asked again.
const LOOK: Duration = Duration::from_millis(250);

/// What there is of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cluster {
    /// Nothing.
    #[default]
    Absent,
    /// Each node is Ready, and the kubeconfig leads to it.
    Alive {
        /// The version of its kubelets: `v1.36.3`.
        version: String,
    },
    /// Its nodes run, but do not answer to this book's kubeconfig, or are not Ready.
    Silent {
        /// In plain words.
        why: String,
    },
    /// A node does not run, or is of another image than today's: it has to be made anew.
    Dead {
        /// In plain words.
        why: String,
    },
}

/// A cluster that the book makes.
#[derive(Clone, Debug)]
pub struct Shared {
    root: PathBuf,
    name: String,
    kubeconfig: PathBuf,
}

/// The cluster that all tests of the book share: [`NAME`], or the one that `BOOK_CLUSTER` names.
pub fn shared(root: &Path) -> Shared {
    let name = std::env::var("BOOK_CLUSTER").unwrap_or_else(|_| NAME.into());
    Shared::new(root, &name, &crate::work(root).join("kind"))
}

impl Shared {
    /// One of another name, with its kubeconfig in a folder of its own.
    pub fn new(root: &Path, name: &str, folder: &Path) -> Shared {
        Shared {
            root: root.to_owned(),
            name: name.to_owned(),
            kubeconfig: folder.join("kubeconfig"),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kubeconfig: a file of its own, so that nobody's default context changes.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Looks at the cluster. Changes nothing.
    pub fn observe(&self) -> Cluster {
        let format = "{{.Names}}\t{{.State}}\t{{.Image}}";
        let filter = format!("label={LABEL}={}", self.name);
        let out = ask(
            Command::new("docker").args(["ps", "--all", "--filter", &filter, "--format", format]),
            QUESTION,
        );
        let Some(out) = out.filter(|out| out.status.success()) else {
            return Cluster::Absent; // no engine answers, which is a need of its own
        };
        let listed = String::from_utf8_lossy(&out.stdout).into_owned();
        if let Some(found) = judge_containers(&listed) {
            return found;
        }
        let file = &self.kubeconfig;
        if !file.is_file() {
            let why = "it runs, but this book has no kubeconfig of it".to_owned();
            return Cluster::Silent { why };
        }
        let each = r#"{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}{"\n"}{end}"#;
        let mut kubectl = Command::new("kubectl");
        kubectl
            .args(["--request-timeout=3s", "get", "nodes", "--output"])
            .arg(format!("jsonpath={each}"))
            .arg("--kubeconfig")
            .arg(file);
        match ask(&mut kubectl, QUESTION) {
            None => Cluster::Silent {
                why: format!("its API gives no answer in {} s", QUESTION.as_secs()),
            },
            Some(out) if out.status.success() => judge_nodes(&String::from_utf8_lossy(&out.stdout)),
            Some(out) => {
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                let last = said.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("nothing");
                Cluster::Silent {
                    why: format!("its API does not answer: {}", last.trim()),
                }
            }
        }
    }

    /// Finds the cluster alive, else makes it; what is dead is removed first. Says which.
    pub fn provide(&self, logs: &Path) -> Result<String> {
        let mut healed = None;
        match self.observe() {
            Cluster::Alive { version } => return Ok(format!("{version} lives already")),
            Cluster::Absent => {}
            Cluster::Dead { why } => healed = Some(why),
            // Another set-up may have made it, with a kubeconfig elsewhere; or a node is still on its way up.
            Cluster::Silent { .. } => {
                let recovered = self.connect(logs).and_then(|()| self.recover());
                match recovered {
                    Ok(version) => return Ok(format!("{version} was there")),
                    Err(why) => healed = Some(why.to_string()),
                }
            }
        }
        if healed.is_some() {
            self.remove_nodes()?;
        }
        self.create(logs)?;
        let version = self.recover().context(
            "kind made the cluster, and it does not answer\n  fix: cargo book setup --down, then the same again",
        )?;
        Ok(match healed {
            Some(why) => format!("{version}, made anew: {why}"),
            None => version,
        })
    }

    /// Waits until each node is Ready; gives back the version.
    fn recover(&self) -> Result<String> {
        let end = Instant::now() + RECOVERY;
        loop {
            match self.observe() {
                Cluster::Alive { version } => return Ok(version),
                Cluster::Silent { .. } if Instant::now() < end => thread::sleep(LOOK),
                Cluster::Silent { why } => bail!("{why}, and was not within {} s", RECOVERY.as_secs()),
                Cluster::Dead { why } => bail!("{why}"),
                Cluster::Absent => bail!("it is gone"),
            }
        }
    }

    /// The programs that speak to the cluster: on this machine's engine, and with no configuration but the cluster's own.
    fn kind(&self) -> Result<Command> {
        let file = &self.kubeconfig;
        let folder = file.parent().context("a kubeconfig without a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let mut kind = Command::new("kind");
        kind.env("KIND_EXPERIMENTAL_PROVIDER", "docker")
            .env_remove("KUBECONFIG")
            .current_dir(&self.root)
            .stdin(Stdio::null());
        Ok(kind)
    }

    /// Writes the kubeconfig of a cluster that runs.
    fn connect(&self, logs: &Path) -> Result<()> {
        let mut command = self.kind()?;
        command
            .args(["export", "kubeconfig", "--name", &self.name, "--kubeconfig"])
            .arg(&self.kubeconfig);
        logged(&mut command, &logs.join("kind-kubeconfig.log"), Duration::from_secs(30))
    }

    fn create(&self, logs: &Path) -> Result<()> {
        // One that is left from a cluster that is gone would gain a second entry.
        remove_file(&self.kubeconfig)?;
        let mut command = self.kind()?;
        command
            .args(["create", "cluster", "--name", &self.name, "--config", CONFIG])
            .args(["--wait", "120s", "--kubeconfig"])
            .arg(&self.kubeconfig);
        let made = logged(&mut command, &logs.join("kind-create.log"), CREATION);
        if made.is_err() {
            // kind removes what it began, unless it was killed.
            let _ = self.remove_nodes();
        }
        made.map_err(|error| {
            let keep = format!("kind create cluster --retain --config {CONFIG}");
            anyhow::anyhow!("{error:#}\n  fix: read the lines above; `{keep}` leaves the node for a look")
        })
    }

    /// Removes the cluster, its kubeconfig, and kind's network when no other cluster uses it. Says what was there.
    ///
    /// # Errors
    /// When a container or a file cannot be removed.
    pub fn remove(&self) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        let nodes = self.remove_nodes()?;
        if nodes > 0 {
            removed.push(format!("cluster {}", self.name));
        }
        let file = &self.kubeconfig;
        if remove_file(file)? {
            removed.push(format!("kubeconfig {}", file.display()));
        }
        // The folder may hold what somebody else put there.
        let _ = file.parent().map(fs::remove_dir);
        if nodes > 0 && containers(LABEL)?.is_empty() {
            // A container that is no node may use it; then it stays.
            let gone = Command::new("docker").args(["network", "rm", "kind"]).output()?;
            if gone.status.success() {
                removed.push("network kind".into());
            }
        }
        Ok(removed)
    }

    /// Removes the nodes with their volumes, as kind does, also where kind is not installed any more. Says how many.
    fn remove_nodes(&self) -> Result<usize> {
        let nodes = containers(&format!("{LABEL}={}", self.name))?;
        if nodes.is_empty() {
            return Ok(0);
        }
        let out = Command::new("docker")
            .args(["rm", "--force", "--volumes"])
            .args(&nodes)
            .output()
            .context("docker")?;
        if !out.status.success() {
            bail!(
                "the cluster's nodes cannot be removed: {}\n  fix: docker rm --force --volumes {}",
                String::from_utf8_lossy(&out.stderr).trim(),
                nodes.join(" ")
            );
        }
        Ok(nodes.len())
    }
}

/// What the engine's containers tell, from lines of `name, state, image`. `None` when all of them run.
fn judge_containers(listed: &str) -> Option<Cluster> {
    let mut rows = listed.lines().filter(|l| !l.is_empty()).peekable();
    if rows.peek().is_none() {
        return Some(Cluster::Absent);
    }
    rows.find_map(|row| {
        let mut fields = row.split('\t');
        let (name, state, image) = (fields.next()?, fields.next()?, fields.next()?);
        let why = if state != "running" {
            format!("its node {name} does not run ({state})")
        } else if image != IMAGE {
            // The engine prints an id when the name has moved on to a newer image.
            format!("its node {name} is made from another image than today's {IMAGE}")
        } else {
            return None;
        };
        Some(Cluster::Dead { why })
    })
}

/// What the API tells, from lines of `name Ready? version`.
fn judge_nodes(listed: &str) -> Cluster {
    let mut known = None;
    for line in listed.lines().filter(|l| !l.trim().is_empty()) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [_, "True", version] => known = Some(version.to_owned()),
            [name, ..] => {
                return Cluster::Silent {
                    why: format!("its node {name} is not Ready"),
                };
            }
            [] => {}
        }
    }
    match known {
        Some(version) => Cluster::Alive { version },
        None => Cluster::Silent {
            why: "it has no nodes".into(),
        },
    }
}

/// Whether there was such a file.
fn remove_file(file: &Path) -> Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).with_context(|| format!("{}", file.display())),
    }
}

/// Names of the containers with a label. None when there is no docker at all; an error when its engine does not answer.
fn containers(label: &str) -> Result<Vec<String>> {
    if crate::command::on_path("docker").is_none() {
        return Ok(Vec::new());
    }
    let filter = format!("label={label}");
    let out = ask(
        Command::new("docker").args(["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]),
        QUESTION,
    )
    .filter(|out| out.status.success())
    .context("no Docker engine answers, so nobody knows what it holds\n  fix: cargo book doctor --lane kind")?;
    Ok(String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_run_from_todays_image_are_asked_further() {
        let node = format!("cloud-native-rust-control-plane\trunning\t{IMAGE}\n");
        assert_eq!(judge_containers(&node), None);
        assert_eq!(judge_containers(""), Some(Cluster::Absent));
    }

    #[test]
    fn a_node_that_stopped_or_is_of_an_older_image_makes_the_cluster_dead() {
        for (state, image, why) in [
            ("exited", IMAGE, "does not run (exited)"),
            ("paused", IMAGE, "does not run (paused)"),
            ("running", "4f6e1b2a9c3d", "is made from another image"),
        ] {
            let listed = format!("a-worker\trunning\t{IMAGE}\na-control-plane\t{state}\t{image}\n");
            match judge_containers(&listed) {
                Some(Cluster::Dead { why: said }) => {
                    assert!(said.contains(why) && said.contains("a-control-plane"), "{said}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn only_a_cluster_whose_nodes_are_all_ready_lives() {
        let alive = Cluster::Alive {
            version: "v1.36.3".into(),
        };
        assert_eq!(judge_nodes("a True v1.36.3\nb True v1.36.3\n"), alive);
        let silent = |why: &str| Cluster::Silent { why: why.into() };
        for not in ["False", "Unknown", ""] {
            let listed = format!("a True v1.36.3\nb {not} v1.36.3\n");
            assert_eq!(judge_nodes(&listed), silent("its node b is not Ready"));
        }
        assert_eq!(judge_nodes("\n"), silent("it has no nodes"));
    }

    #[test]
    fn every_file_names_one_cluster_and_one_image() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = |file: &str| fs::read_to_string(root.join(file)).expect(file);
        assert!(text(CONFIG).contains(&format!("\nname: {NAME}\n")));
        for file in [CONFIG, "k8s/kind-two-nodes.yaml"] {
            let text = text(file);
            let images: Vec<&str> = text.lines().filter_map(|l| l.trim().strip_prefix("image: ")).collect();
            assert!(
                !images.is_empty() && images.iter().all(|i| *i == IMAGE),
                "{file}: {images:?}"
            );
        }
        let images = crate::images(&root).expect("images");
        let node = images.iter().find(|i| i.name == IMAGE).expect("the node's image");
        assert_eq!(node.lane, crate::Lane::Kind);
    }
}
