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

/// Longest removal of the nodes.
const REMOVAL: Duration = Duration::from_secs(90);

/// Longest transport of an image to the nodes.
const LOADING: Duration = Duration::from_secs(120);

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
        // The kind of a set-up that was killed goes on. Were its node taken away, it would remove, when it fails, what has
        // been made under its name meanwhile.
        let end = Instant::now() + CREATION;
        while !self.creators().is_empty() && Instant::now() < end {
            thread::sleep(LOOK);
        }
        let mut healed = None;
        match self.observe() {
            Cluster::Alive { version } => return Ok(format!("{version} lives already")),
            Cluster::Absent => {}
            Cluster::Dead { why } => healed = Some(why),
            // Another set-up may have made it, with a kubeconfig elsewhere; or a node is still on its way up.
            Cluster::Silent { .. } => {
                let recovered = self.connect(logs).and_then(|()| self.recover());
                let recovered = recovered.and_then(|version| self.is_whole().map(|()| version));
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

    /// The processes that are making this cluster now, as far as this machine tells.
    pub fn creators(&self) -> Vec<u32> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                makes(&String::from_utf8_lossy(&line), &self.name).then_some(id)
            })
            .collect()
    }

    /// The last thing that kind makes, before it waits, is the class of volumes. A node can be Ready without it, where
    /// kind was killed.
    fn is_whole(&self) -> Result<()> {
        let mut kubectl = Command::new("kubectl");
        kubectl
            .args(["--request-timeout=3s", "get", "storageclass/standard", "--kubeconfig"])
            .arg(&self.kubeconfig);
        match ask(&mut kubectl, QUESTION) {
            Some(out) if out.status.success() => Ok(()),
            _ => bail!("it was left half-made"),
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

    /// Whether each node has this image, and it is the engine's of today.
    pub fn holds(&self, image: &str) -> bool {
        let said = |args: &[&str]| {
            let out = ask(Command::new("docker").args(args), QUESTION)?;
            out.status
                .success()
                .then(|| String::from_utf8_lossy(&out.stdout).into_owned())
        };
        let Some(id) = said(&["image", "inspect", "--format", "{{.Id}}", image]) else {
            return false;
        };
        let nodes = containers(&format!("{LABEL}={}", self.name)).unwrap_or_default();
        let name = full_name(image);
        !nodes.is_empty()
            && nodes.iter().all(|node| {
                let ctr = |args: &[&str]| said(&[&["exec", node, "ctr", "--namespace=k8s.io"], args].concat());
                let listed = ctr(&["images", "ls", &format!("name=={name}")]).unwrap_or_default();
                let manifest = listed.split_whitespace().find(|word| word.starts_with("sha256:"));
                // Docker calls an image by the digest of its configuration, which the manifest names.
                let manifest = manifest.and_then(|digest| ctr(&["content", "get", digest]));
                manifest.is_some_and(|text| text.contains(id.trim()))
            })
    }

    /// Brings an image of the engine to each node that does not have it.
    ///
    /// # Errors
    /// When a node does not take it, with the last lines of what was said.
    pub fn load(&self, image: &str, logs: &Path) -> Result<String> {
        if self.holds(image) {
            return Ok("it was there".into());
        }
        let mut command = self.kind()?;
        command.args(["load", "docker-image", image, "--name", &self.name]);
        logged(&mut command, &logs.join("kind-load.log"), LOADING)
            .context("the cluster does not take the image\n  fix: cargo book setup --down, then the same again")?;
        Ok(String::new())
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
        let all = containers(&format!("{LABEL}={}", self.name))?;
        let end = Instant::now() + REMOVAL;
        let mut nodes = all.clone();
        while !nodes.is_empty() {
            let out = Command::new("docker")
                .args(["rm", "--force", "--volumes"])
                .args(&nodes)
                .output()
                .context("docker")?;
            if !out.status.success() {
                nodes.iter().for_each(|node| thaw(node));
            }
            // The engine waits 10 s for a container to end. A node is a whole system, and takes longer on a busy machine.
            if !out.status.success() && Instant::now() > end {
                bail!(
                    "the cluster's nodes cannot be removed: {}\n  fix: docker rm --force --volumes {}",
                    String::from_utf8_lossy(&out.stderr).trim(),
                    nodes.join(" ")
                );
            }
            nodes = containers(&format!("{LABEL}={}", self.name))?;
        }
        Ok(all.len())
    }
}

/// Lets a node's processes end that are frozen. With cgroup v1, a node freezes the group of a pod for the instant in
/// which it changes its limits; one that is killed in this instant leaves it frozen, and what is frozen does not end.
fn thaw(node: &str) {
    let asked = Command::new("docker")
        .args(["inspect", "--format", "{{.Id}}", node])
        .output();
    let id = asked.map_or(String::new(), |out| {
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    });
    if id.is_empty() {
        return;
    }
    let mut folders = vec![Path::new("/sys/fs/cgroup/freezer/docker").join(id)];
    while let Some(folder) = folders.pop() {
        let state = folder.join("freezer.state");
        if fs::read_to_string(&state).is_ok_and(|state| state.trim() != "THAWED") {
            // Who may not do this has an engine that is elsewhere.
            let _ = fs::write(&state, "THAWED");
        }
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(below.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
}

/// Whether a command line, its words ended by NUL, is kind's that makes this cluster.
fn makes(line: &str, name: &str) -> bool {
    let words: Vec<&str> = line.split('\0').collect();
    let program = words.first().and_then(|path| Path::new(path).file_name());
    program.is_some_and(|program| program == "kind")
        && words.get(1..3) == Some(&["create", "cluster"])
        && words.windows(2).any(|pair| pair == ["--name", name])
}

/// A reference as containerd has it: with the parts that Docker implies.
fn full_name(image: &str) -> String {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => image.to_owned(),
        Some(_) => format!("docker.io/{image}"),
        None => format!("docker.io/library/{image}"),
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
    fn who_makes_a_cluster_is_told_by_its_command_line() {
        let line = |words: &str| words.replace(' ', "\0");
        let makes_books = line("/usr/bin/kind create cluster --name books --wait 120s ");
        assert!(makes(&makes_books, "books"));
        assert!(!makes(&makes_books, "book"));
        assert!(!makes(&line("kind delete cluster --name books "), "books"));
        assert!(!makes("", "books"));
    }

    #[test]
    fn containerd_calls_an_image_by_its_full_name() {
        for (short, full) in [
            ("debian:trixie-slim", "docker.io/library/debian:trixie-slim"),
            ("prom/prometheus:v3", "docker.io/prom/prometheus:v3"),
            ("registry.k8s.io/pause:3", "registry.k8s.io/pause:3"),
        ] {
            assert_eq!(full_name(short), full);
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
