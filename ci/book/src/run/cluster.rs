//! The kind cluster while a run uses it: one run at a time, a namespace for each page's session, and what is left
//! behind.
//!
//! Kinds that belong to no namespace are everybody's, so one run at a time uses a cluster: see [`Cluster::lock`]. What
//! tests make carries the label `book.test` with the run's name. What a page's session makes in its own namespace goes
//! with that; what it makes beside it is found by comparison, and removed when it has a name that the page gave it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::formats::{Object, objects};
use crate::job::{below, unquoted};
use crate::model::{Block, Finding, Root};
use crate::run::console;

/// The label that names a run.
const LABEL: &str = "book.test";

/// Below the verifier's folder.
const MARK: &str = "kind-run";

/// What stands in a finding in a page's place.
pub const PLACE: &str = "kind";

/// Kinds that belong to no namespace, each with all names that kubectl knows it by.
const KINDS: [(&str, &[&str]); 9] = [
    ("Namespace", &["namespaces", "namespace", "ns"]),
    (
        "CustomResourceDefinition",
        &["customresourcedefinitions", "customresourcedefinition", "crd", "crds"],
    ),
    ("ClusterRole", &["clusterroles", "clusterrole"]),
    ("ClusterRoleBinding", &["clusterrolebindings", "clusterrolebinding"]),
    ("PersistentVolume", &["persistentvolumes", "persistentvolume", "pv"]),
    (
        "ValidatingWebhookConfiguration",
        &["validatingwebhookconfigurations", "validatingwebhookconfiguration"],
    ),
    (
        "MutatingWebhookConfiguration",
        &["mutatingwebhookconfigurations", "mutatingwebhookconfiguration"],
    ),
    (
        "ValidatingAdmissionPolicy",
        &["validatingadmissionpolicies", "validatingadmissionpolicy"],
    ),
    (
        "ValidatingAdmissionPolicyBinding",
        &["validatingadmissionpolicybindings", "validatingadmissionpolicybinding"],
    ),
];

/// How long a run waits for another one on the same cluster.
pub const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How long what is removed may take to be gone: a pod may use its half minute to end.
const GONE: Duration = Duration::from_secs(90);

/// How long a namespace may take until pods can be made in it.
const READY: Duration = Duration::from_secs(15);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(150);

/// The cluster that this book's kubeconfig leads to.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    kubeconfig: PathBuf,
}

/// Something that belongs to no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    kind: String,
    name: String,
    /// Two of one name after each other are two things.
    uid: String,
    /// The run that it belongs to. Empty when it has no label.
    run: String,
    /// Whether it is being removed.
    ends: bool,
}

/// Kind and name, as a session's commands give them.
pub type Names = BTreeSet<(String, String)>;

impl Thing {
    /// Its kind and its name.
    pub fn key(&self) -> (String, String) {
        (self.kind.clone(), self.name.clone())
    }

    /// Whether it goes by itself in a moment: volumes do after their namespace.
    fn passes(&self) -> bool {
        self.ends || self.kind == "PersistentVolume"
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Cluster {
    /// The one that the book's tests share.
    pub fn of(root: &Root) -> Cluster {
        let shared = book_setup::cluster::shared(&root.path);
        Cluster {
            name: shared.name().to_owned(),
            kubeconfig: shared.kubeconfig().to_owned(),
        }
    }

    /// What a kubectl command prints on standard output.
    ///
    /// # Errors
    /// When it fails, with the last line that it said.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let out = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--request-timeout=10s")
            .args(args)
            .env_remove("KUBECONFIG")
            .env("KUBERC", "off")
            .stdin(Stdio::null())
            .output()
            .context("kubectl does not start\n  fix: cargo book setup --lane kind")?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            let last = said.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("nothing");
            bail!("kubectl {} says: {}", args.first().unwrap_or(&""), last.trim());
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// The version of its API server, and what its nodes' image truly is.
    pub fn versions(&self) -> Vec<(String, String)> {
        let mut versions = Vec::new();
        #[derive(serde::Deserialize)]
        struct Asked {
            #[serde(rename = "serverVersion")]
            server: Server,
        }
        #[derive(serde::Deserialize)]
        struct Server {
            #[serde(rename = "gitVersion")]
            git: String,
        }
        let asked = self.kubectl(&["version", "--output=json"]).ok();
        if let Some(asked) = asked.and_then(|text| serde_json::from_str::<Asked>(&text).ok()) {
            versions.push(("Kubernetes".to_owned(), asked.server.git));
        }
        let image = book_setup::cluster::IMAGE;
        if let Some(truth) = book_setup::image_truth(image) {
            versions.push((image.to_owned(), truth.to_string()));
        }
        versions
    }

    /// All that belongs to no namespace.
    fn things(&self) -> Result<BTreeSet<Thing>> {
        let kinds: Vec<&str> = KINDS.iter().map(|(_, words)| words[0]).collect();
        let fields = [
            ".kind",
            ".metadata.name",
            ".metadata.uid",
            r".metadata.labels.book\.test",
            ".metadata.deletionTimestamp",
        ];
        let fields: Vec<String> = fields.iter().map(|f| format!("{{{f}}}")).collect();
        let each = format!(
            "--output=jsonpath={{range .items[*]}}{}{{\"\\n\"}}{{end}}",
            fields.join(r#"{"\t"}"#)
        );
        let listed = self.kubectl(&["get", &kinds.join(","), &each])?;
        let thing = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            Some(Thing {
                kind: fields.next()?,
                name: fields.next()?,
                uid: fields.next()?,
                run: fields.next().unwrap_or_default(),
                ends: fields.next().is_some_and(|at| !at.is_empty()),
            })
        };
        Ok(listed.lines().filter_map(thing).collect())
    }

    /// What belongs to no namespace and to no run.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn of_nobody(&self) -> Result<BTreeSet<Thing>> {
        Ok(self.things()?.into_iter().filter(|t| t.run.is_empty()).collect())
    }

    /// What is there now, was not before, and stays.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn left_since(&self, before: &BTreeSet<Thing>) -> Result<BTreeSet<Thing>> {
        let known: BTreeSet<&str> = before.iter().map(|t| t.uid.as_str()).collect();
        let end = Instant::now() + GONE;
        loop {
            let now = self.of_nobody()?.into_iter();
            let left: BTreeSet<Thing> = now.filter(|t| !known.contains(t.uid.as_str())).collect();
            if !left.iter().any(Thing::passes) || Instant::now() > end {
                return Ok(left);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Takes something out of the cluster, and waits until it is gone.
    pub fn remove(&self, thing: &Thing) -> Result<()> {
        let object = format!("{}/{}", resource(&thing.kind), thing.name);
        self.kubectl(&["delete", &object, "--wait=false", "--ignore-not-found"])?;
        self.until_gone(&object)
    }

    fn until_gone(&self, object: &str) -> Result<()> {
        let end = Instant::now() + GONE;
        while !self
            .kubectl(&["get", object, "--ignore-not-found", "--output=name"])?
            .is_empty()
        {
            if Instant::now() > end {
                bail!("{object} is not gone after {} s", GONE.as_secs());
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }

    /// Removes all that carries a run's label; what that was.
    fn remove_run(&self, run: &str) -> Result<Vec<Thing>> {
        let own: Vec<Thing> = self.things()?.into_iter().filter(|t| t.run == run).collect();
        for thing in &own {
            self.remove(thing)?;
        }
        Ok(own)
    }

    /// Makes a namespace for a page's session.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn ground(&self, root: &Root, run: &str) -> Result<Ground> {
        let number = std::hash::RandomState::new().build_hasher().finish() as u32;
        let namespace = format!("book-{number:08x}");
        let folder = root.scratch_dir("kubectl-")?;
        let config = folder.path().join("kubeconfig");
        fs::copy(&self.kubeconfig, &config).with_context(|| format!("{}", self.kubeconfig.display()))?;
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
        self.kubectl(&["create", "namespace", &namespace])?;
        // From here on it goes with this value.
        let ground = Ground {
            cluster: self.clone(),
            namespace,
            folder,
            ended: false,
        };
        let label = format!("{LABEL}={run}");
        self.kubectl(&["label", "namespace", &ground.namespace, &label])?;
        let own = Cluster {
            name: self.name.clone(),
            kubeconfig: config,
        };
        let name = format!("--namespace={}", ground.namespace);
        own.kubectl(&["config", "set-context", "--current", &name])?;
        // No pod can be made before the account that it runs under.
        let end = Instant::now() + READY;
        while own.kubectl(&["get", "serviceaccount", "default"]).is_err() {
            if Instant::now() > end {
                bail!("the namespace {} gets no account for pods", ground.namespace);
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(ground)
    }

    /// Keeps other runs off this cluster, also those of other clones of the book; waits for the one that has it.
    ///
    /// # Errors
    /// When that takes longer than `patience`.
    pub fn lock(&self, root: &Root, patience: Duration) -> Result<Lock> {
        // One place for all users and shells of this machine, whatever TMPDIR says.
        let folder = Path::new("/tmp");
        let folder = if folder.is_dir() {
            folder.to_owned()
        } else {
            std::env::temp_dir()
        };
        Lock::take(folder.join(format!("book-kind-{}.lock", self.name)), root, patience)
    }
}

/// The name by which kubectl asks for a kind.
fn resource(kind: &str) -> &str {
    KINDS
        .iter()
        .find(|(k, _)| *k == kind)
        .map_or(kind, |(_, words)| words[0])
}

/// The kind behind a word of a command: `ns`, `crd`, `customresourcedefinitions.apiextensions.k8s.io`.
fn kind_of(word: &str) -> Option<&'static str> {
    let word = word.split('.').next()?;
    let same = |kind: &str, words: &[&str]| words.contains(&word) || kind.eq_ignore_ascii_case(word);
    KINDS
        .iter()
        .find(|(kind, words)| same(kind, words))
        .map(|(kind, _)| *kind)
}

/// What a session's commands name that belongs to no namespace: `kubectl create namespace NAME`, `kubectl delete crd
/// NAME`, `kubectl apply -f FILE` with such objects in it.
pub fn named(root: &Root, blocks: &[&Block]) -> Names {
    let mut names = Names::new();
    let mut here = PathBuf::new();
    for block in blocks {
        if let Some(dir) = block.attr("dir").and_then(|dir| below(Path::new(""), dir)) {
            here = dir;
        }
        for command in console::commands(block) {
            let command = command.replace("\\\n", " ");
            for part in command.split(['\n', ';', '|', '&', '(', ')', '`']) {
                let words: Vec<&str> = part.split_whitespace().collect();
                match words[..] {
                    ["cd", dir, ..] => here = below(&here, unquoted(dir)).unwrap_or_default(),
                    ["kubectl", ref rest @ ..] => names.extend(of_kubectl(root, &here, rest, &command)),
                    _ => {}
                }
            }
        }
    }
    names
}

fn of_kubectl(root: &Root, here: &Path, words: &[&str], command: &str) -> Names {
    let mut names = Names::new();
    let plain: Vec<&str> = words
        .iter()
        .copied()
        .filter(|w| !w.starts_with('-'))
        .map(unquoted)
        .collect();
    if let ["create" | "delete", what, rest @ ..] = &plain[..] {
        let pair = match what.split_once('/') {
            Some((kind, name)) => kind_of(kind).zip(Some(name)),
            None => kind_of(what).zip(rest.first().copied()),
        };
        names.extend(pair.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
    }
    if !matches!(plain.first(), Some(&("apply" | "create" | "replace" | "delete"))) {
        return names;
    }
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let file = match *word {
            "-f" | "--filename" => words.next().copied(),
            word => word.strip_prefix("--filename=").or(word.strip_prefix("-f")),
        };
        let Some(file) = file.map(|f| unquoted(f.trim_start_matches('='))) else {
            continue;
        };
        let texts = match file {
            "-" => vec![command.to_owned()],
            file => texts(root, here, file),
        };
        let all = texts.iter().flat_map(|text| objects(text));
        names.extend(
            all.filter_map(|Object { kind, name, .. }| KINDS.iter().any(|(k, _)| *k == kind).then_some((kind, name))),
        );
    }
    names
}

/// The manifests behind a name: a file, or those right below a folder.
fn texts(root: &Root, here: &Path, name: &str) -> Vec<String> {
    let Some(path) = below(here, name).map(|path| root.path.join(path)) else {
        return Vec::new();
    };
    let files = match fs::read_dir(&path) {
        Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
        Err(_) => vec![path],
    };
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

/// The block that names a thing, if one does; else the first that speaks to the cluster.
pub fn block_of<'b>(root: &Root, blocks: &[&'b Block], key: &(String, String)) -> Option<&'b Block> {
    let names = |b: &&&Block| named(root, &[b]).contains(key) || b.text.contains(&key.1);
    let speaks = |b: &&&Block| crate::job::console_lane(b) == crate::model::Lane::Kind;
    let found = blocks.iter().find(names).or_else(|| blocks.iter().find(speaks));
    found.copied()
}

/// The namespace of one session, and a kubeconfig that has it as its default. Both are gone with this value.
#[derive(Debug)]
pub struct Ground {
    cluster: Cluster,
    namespace: String,
    folder: tempfile::TempDir,
    ended: bool,
}

impl Ground {
    /// What the session's shell has to know.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let below = |name: &str| self.folder.path().join(name).into_os_string();
        vec![
            ("KUBECONFIG", below("kubeconfig")),
            // Neither the reader's own settings, nor what was cached of an API that has changed since.
            ("KUBECACHEDIR", below("cache")),
            ("KUBERC", "off".into()),
        ]
    }

    /// Removes the namespace with all that is in it, and waits until it is gone.
    ///
    /// # Errors
    /// When it stays.
    pub fn end(mut self) -> Result<()> {
        self.ended = true;
        self.remove()
    }

    fn remove(&self) -> Result<()> {
        let object = format!("namespace/{}", self.namespace);
        self.cluster
            .kubectl(&["delete", &object, "--wait=false", "--ignore-not-found"])?;
        self.cluster.until_gone(&object)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if !self.ended {
            // What stays carries the run's label, and the run's end looks for that.
            let _ = self.remove();
        }
    }
}

/// The right to use a cluster. Given back when this is dropped, or this process ends.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(path: PathBuf, root: &Root, patience: Duration) -> Result<Lock> {
        let end = Instant::now() + patience;
        let mut said = false;
        loop {
            // One that another user made can be opened and locked, but not written.
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .or_else(|_| File::open(&path))
                .with_context(|| format!("{}\n  fix: remove it", path.display()))?;
            if file.try_lock().is_ok() {
                // Whoever had it takes the file away; then this one is nobody's any more.
                let same = fs::metadata(&path).is_ok_and(|now| file.metadata().is_ok_and(|own| own.ino() == now.ino()));
                if !same {
                    continue;
                }
                let who = format!("process {} in {}", std::process::id(), root.path.display());
                // Only so that others can say for whom they wait.
                let _ = file.set_len(0).and_then(|()| (&file).write_all(who.as_bytes()));
                return Ok(Lock { path, _file: file });
            }
            let mut who = String::new();
            let read = (&file).read_to_string(&mut who);
            let who = match read {
                Ok(1..) => who,
                _ => "another run".into(),
            };
            if !said {
                eprintln!("  waiting for {who}, which has the cluster ({})", path.display());
                said = true;
            }
            if Instant::now() > end {
                bail!(
                    "the cluster was not free within {} s: {who} has it\n  fix: wait until that has ended, or end it",
                    patience.as_secs()
                );
            }
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked, so that nobody else can have taken it meanwhile.
        let _ = fs::remove_file(&self.path);
    }
}

/// The cluster while a run uses it.
#[derive(Debug)]
pub struct Watch {
    cluster: Cluster,
    run: String,
    before: BTreeSet<Thing>,
    /// Holds the run's name, and those that its sessions gave, as long as the run is not over: a run that was killed
    /// leaves it.
    mark: PathBuf,
    _lock: Lock,
}

impl Watch {
    /// Takes the cluster, removes what a run that was killed left behind, says so, and notes what is there now.
    ///
    /// # Errors
    /// When another run has it for too long, or it does not answer.
    pub fn begin(root: &Root, run: &str) -> Result<Watch> {
        let cluster = Cluster::of(root);
        let lock = cluster.lock(root, PATIENCE)?;
        let mark = root.work().join(MARK);
        if let Ok(killed) = fs::read_to_string(&mark) {
            let mut lines = killed.lines();
            let mut left = lines
                .next()
                .map(|run| cluster.remove_run(run))
                .transpose()?
                .unwrap_or_default();
            let names: BTreeSet<&str> = lines.collect();
            for thing in cluster.of_nobody()? {
                if names.contains(format!("{} {}", thing.kind, thing.name).as_str()) {
                    cluster.remove(&thing)?;
                    left.push(thing);
                }
            }
            for thing in left {
                eprintln!("  removed the {thing}, which a run that was killed had left behind");
            }
        }
        fs::write(&mark, format!("{run}\n"))?;
        Ok(Watch {
            before: cluster.of_nobody()?,
            cluster,
            run: run.to_owned(),
            mark,
            _lock: lock,
        })
    }

    /// What is there now, was not then and is not known yet: a finding each. What carries this run's label is removed.
    pub fn end(self, known: &BTreeSet<Thing>) -> Vec<Finding> {
        let left = self.cluster.remove_run(&self.run).and_then(|mut left| {
            let known: BTreeSet<&str> = known.iter().map(|t| t.uid.as_str()).collect();
            let others = self.cluster.left_since(&self.before)?;
            left.extend(others.into_iter().filter(|t| !known.contains(t.uid.as_str())));
            Ok(left)
        });
        match left {
            Ok(left) => {
                // If it stays, the next run looks for things that are no more.
                let _ = fs::remove_file(&self.mark);
                let what = |thing: Thing| format!("the run left the {thing} behind");
                let fix = "let the test or the page remove what it makes, also when it fails";
                left.into_iter().map(|t| Finding::new(PLACE, 1, what(t), fix)).collect()
            }
            Err(error) => {
                let what = format!("nobody can say what the run left on the cluster: {error:#}");
                vec![Finding::new(
                    PLACE,
                    1,
                    what,
                    "cargo book setup --lane kind, then the same again",
                )]
            }
        }
    }
}

/// Notes the names that a session is about to give, none of which is taken: should the run be killed, the next one
/// knows whose they are.
///
/// # Errors
/// When the note cannot be written.
pub fn note(root: &Root, names: &Names) -> Result<()> {
    let mut mark = File::options().append(true).create(true).open(root.work().join(MARK))?;
    for (kind, name) in names {
        writeln!(mark, "{kind} {name}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Origin;

    #[test]
    fn what_a_session_names_beside_its_namespace_is_read_from_its_commands() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        fs::create_dir(root.join("k")).unwrap();
        let file = "apiVersion: v1\nkind: Service\nmetadata:\n  name: api\n---\nkind: ClusterRole\nmetadata:\n  name: in-file\n";
        fs::write(root.join("k/all.yaml"), file).unwrap();
        let block = |dir: &str, text: &str| Block {
            page: "src/a.md".into(),
            line: 1,
            end_line: 9,
            lang: "console".into(),
            attrs: BTreeMap::from([("dir".to_owned(), dir.to_owned())]),
            text: text.into(),
            origin: Origin::Console,
            format: None,
        };
        let found = |dir: &str, text: &str| {
            let names = named(&root, &[&block(dir, text)]);
            let names: Vec<String> = names.iter().map(|(kind, name)| format!("{kind} {name}")).collect();
            names.join(", ")
        };
        for (dir, text, names) in [
            (".", "$ kubectl create ns shop\n", "Namespace shop"),
            (
                ".",
                "$ kubectl create --dry-run=client clusterrole 'r' --verb=get\n",
                "ClusterRole r",
            ),
            (
                ".",
                "$ kubectl get pods && kubectl delete crd/webapps.a.b\n",
                "CustomResourceDefinition webapps.a.b",
            ),
            (
                ".",
                "$ kubectl apply --server-side -f k/all.yaml\n",
                "ClusterRole in-file",
            ),
            ("k", "$ kubectl delete --filename=all.yaml\n", "ClusterRole in-file"),
            (".", "$ cd k\n$ kubectl apply -f .\n", "ClusterRole in-file"),
            (
                ".",
                "$ kubectl apply -f - <<'EOF'\n> apiVersion: v1\n> kind: Namespace\n> metadata:\n>   name: shop\n> EOF\n",
                "Namespace shop",
            ),
            (".", "$ kubectl create \\\n    ns shop\n", "Namespace shop"),
            (".", "$ kubectl get ns shop\n$ kubectl create deployment api\n", ""),
        ] {
            assert_eq!(found(dir, text), names, "{text}");
        }
    }

    #[test]
    fn a_cluster_is_one_run_s_at_a_time_and_the_file_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        let path = dir.path().join("lock");
        let first = Lock::take(path.clone(), &root, Duration::ZERO).unwrap();
        let refused = Lock::take(path.clone(), &root, Duration::ZERO).unwrap_err().to_string();
        let who = format!("process {} in {}", std::process::id(), dir.path().display());
        assert!(refused.contains(&who) && refused.contains("fix: "), "{refused}");
        let (waiting, path2) = (root.clone(), path.clone());
        let second = std::thread::spawn(move || Lock::take(path2, &waiting, Duration::from_secs(20)).is_ok());
        drop(first);
        assert!(second.join().unwrap());
        assert!(!path.exists());
    }
}
