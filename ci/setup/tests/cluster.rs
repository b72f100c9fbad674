//! A real cluster: made, found, healed, removed. It has a name of its own, so the shared cluster is not touched.
//!
//! Needs what `cargo book setup --lane kind` brings, and about two minutes:
//! `cargo test -p book-setup --features cluster --test cluster`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use book_setup::cluster::{Cluster, Shared};
use book_setup::{Action, Lane, Step};

/// Removed when this is dropped, also when the test panics.
struct Made(Shared);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

fn docker(args: &[&str]) -> String {
    let out = Command::new("docker").args(args).output().expect("docker");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn unique() -> String {
    format!("book-{:016x}", RandomState::new().build_hasher().finish())
}

#[test]
fn a_cluster_is_made_found_healed_and_removed() {
    let root = root();
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique();
    let node = format!("{name}-control-plane");
    let cluster = Shared::new(&root, &name, &folder.path().join("first"));
    let made = Made(cluster.clone());
    let provide = |cluster: &Shared| match cluster.provide(folder.path()) {
        Ok(said) => said,
        Err(error) => panic!("{error:#}"),
    };
    assert_eq!(cluster.observe(), Cluster::Absent);

    let version = provide(&cluster);
    assert!(version.starts_with("v1."), "{version}");
    assert_eq!(
        cluster.observe(),
        Cluster::Alive {
            version: version.clone()
        }
    );
    assert_eq!(provide(&cluster), format!("{version} lives already"));

    // Another clone of the book, which has no kubeconfig of it yet.
    let elsewhere = Shared::new(&root, &name, &folder.path().join("second"));
    assert!(matches!(elsewhere.observe(), Cluster::Silent { .. }));
    assert_eq!(provide(&elsewhere), format!("{version} was there"));

    // As an engine leaves it that was restarted.
    docker(&["kill", &node]);
    assert!(matches!(cluster.observe(), Cluster::Dead { .. }));
    let said = provide(&cluster);
    assert!(said.contains("made anew: its node"), "{said}");
    // The other clone's kubeconfig leads to the cluster that is gone; the new one is found all the same.
    assert!(matches!(elsewhere.observe(), Cluster::Silent { .. }));
    assert_eq!(provide(&elsewhere), format!("{version} was there"));

    let removed = made.0.remove().expect("it can be removed");
    assert_eq!(removed.first(), Some(&format!("cluster {name}")), "{removed:?}");
    assert_eq!(cluster.observe(), Cluster::Absent);
    assert!(!cluster.kubeconfig().exists());
    assert_eq!(made.0.remove().expect("nothing to remove"), [] as [&str; 0]);
}

/// Set in a process of its own: which part of this program it is to be.
const PART: &str = "BOOK_SETUP_PART";

/// A set-up of the cluster alone, as `cargo book setup` does it, or its removal.
#[test]
fn part() {
    let done = match std::env::var(PART).as_deref() {
        Ok("up") => book_setup::run(
            &root(),
            &[Step {
                title: "the cluster".into(),
                action: Action::Cluster,
                lane: Lane::Kind,
                cost: None,
            }],
        ),
        Ok("down") => book_setup::down(&root()).map(|removed| eprintln!("removed: {}", removed.join(", "))),
        _ => return,
    };
    if let Err(error) = done {
        panic!("{error:#}");
    }
}

/// One of several clones of the book on this machine: a folder of its own for the verifier.
struct Clone<'a> {
    work: PathBuf,
    cluster: &'a str,
}

impl Clone<'_> {
    fn begin(&self, part: &str) -> Child {
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "part", "--nocapture"])
            .env(PART, part)
            .env("BOOK_WORK", &self.work)
            .env("BOOK_CLUSTER", self.cluster)
            // What two clones have in common does not hang on it.
            .env("TMPDIR", self.work.parent().expect("a folder"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this program")
    }

    /// What it says on its way, and it ends well.
    fn end(child: Child) -> String {
        let Output { status, stderr, .. } = child.wait_with_output().expect("its output");
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert!(status.success(), "{said}");
        said
    }

    fn run(&self, part: &str) -> String {
        Self::end(self.begin(part))
    }
}

/// The nodes of a cluster.
fn nodes(name: &str) -> Vec<String> {
    let filter = format!("--filter=label=io.x-k8s.kind.cluster={name}");
    let listed = docker(&["ps", "--all", &filter, "--format={{.Names}}"]);
    listed.lines().map(str::to_owned).collect()
}

/// Waits for a condition.
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < end, "not within two minutes: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn of_two_set_ups_at_once_one_makes_the_cluster_and_the_other_finds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique();
    let made = Made(Shared::new(&root(), &name, folder.path()));
    let clones = ["a", "b"].map(|clone| Clone {
        work: folder.path().join(clone).join("book"),
        cluster: &name,
    });
    for clone in &clones {
        std::fs::create_dir_all(&clone.work).expect("a folder");
    }
    let both = [clones[0].begin("up"), clones[1].begin("up")].map(Clone::end);
    assert_eq!(nodes(&name).len(), 1);
    assert!(
        both.iter()
            .any(|said| said.contains("waiting for another set-up on this machine")),
        "{both:?}"
    );
    assert!(both.iter().any(|said| said.contains("v1.36.3 was there")), "{both:?}");
    let kubeconfig = |clone: &Clone| clone.work.join("kind/kubeconfig");
    assert!(clones.iter().all(|clone| kubeconfig(clone).is_file()));

    let said = clones[0].run("down");
    assert!(
        said.contains(&format!("removed: cluster {name}, kubeconfig ")),
        "{said}"
    );
    // The other's kubeconfig leads nowhere now; its own removal takes it away.
    let said = clones[1].run("down");
    assert!(
        said.contains("removed: kubeconfig ") && !said.contains("cluster "),
        "{said}"
    );
    assert!(!clones.iter().any(|clone| kubeconfig(clone).exists()));
    assert_eq!(nodes(&name), [] as [&str; 0]);
    drop(made);
}

#[test]
fn what_a_killed_set_up_began_is_waited_for_or_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique();
    let made = Made(Shared::new(&root(), &name, folder.path()));
    let clone = Clone {
        work: folder.path().join("clone/book"),
        cluster: &name,
    };
    std::fs::create_dir_all(&clone.work).expect("a folder");
    let kill_half_way = || {
        let mut child = clone.begin("up");
        until("a node is there", || !nodes(&name).is_empty());
        child.kill().expect("it is killed");
        child.wait().expect("its end");
        let left = made.0.creators();
        assert_eq!(left.len(), 1, "kind goes on alone");
        left[0]
    };

    // Its kind goes on, and ends well.
    kill_half_way();
    let said = clone.run("up");
    assert!(
        said.contains("v1.36.3 lives already") || said.contains("v1.36.3 was there"),
        "{said}"
    );
    clone.run("down");

    // Its kind is killed as well: there is a node, and nothing will become of it.
    let kind = kill_half_way();
    let killed = Command::new("kill").args(["-KILL", &kind.to_string()]).status();
    assert!(killed.expect("kill").success());
    until("kind has ended", || made.0.creators().is_empty());
    assert_eq!(nodes(&name).len(), 1);
    let said = clone.run("up");
    assert!(said.contains("v1.36.3, made anew: "), "{said}");
    clone.run("down");
    assert_eq!(nodes(&name), [] as [&str; 0]);
}

/// All that a cluster could leave on the engine: containers, networks, volumes, images.
fn engine() -> Vec<String> {
    let lists: [&[&str]; 4] = [
        &["ps", "--all", "--no-trunc", "--format=container {{.Names}}"],
        &["network", "ls", "--format=network {{.Name}}"],
        &["volume", "ls", "--format=volume {{.Name}}"],
        &[
            "image",
            "ls",
            "--all",
            "--format=image {{.ID}} {{.Repository}}:{{.Tag}}",
        ],
    ];
    let all: String = lists.map(docker).concat();
    all.lines().map(str::to_owned).collect()
}

#[test]
fn a_cluster_that_is_taken_down_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique();
    let made = Made(Shared::new(&root(), &name, folder.path()));
    let clone = Clone {
        work: folder.path().join("clone/book"),
        cluster: &name,
    };
    std::fs::create_dir_all(&clone.work).expect("a folder");
    clone.run("up");
    let node = &nodes(&name)[0];
    let own = docker(&["inspect", "--format={{range .Mounts}}{{.Name}} {{end}}", node]);
    let volumes: Vec<String> = own.split_whitespace().map(|name| format!("volume {name}")).collect();
    let with = engine();
    assert!(
        !volumes.is_empty() && volumes.iter().all(|volume| with.contains(volume)),
        "{with:?}"
    );

    clone.run("down");
    // Others may use the engine meanwhile: what matters is that of this cluster nothing is there.
    let without = engine();
    let traces = without
        .iter()
        .filter(|thing| thing.contains(&name) || volumes.contains(thing));
    assert_eq!(traces.collect::<Vec<_>>(), [] as [&String; 0]);
    // Of files there are the logs of the set-up, which lie with the verifier's others.
    let mut files: Vec<String> = std::fs::read_dir(&clone.work)
        .expect("its folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["setup"]);
    let default = std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config"));
    let default = default.and_then(|file| std::fs::read_to_string(file).ok());
    assert!(
        !default.is_some_and(|text| text.contains(&name)),
        "it is in the user's own kubeconfig"
    );
    drop(made);
}
