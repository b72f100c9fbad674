//! A real cluster: made, found, healed, removed. It has a name of its own, so the shared cluster is not touched.
//!
//! Needs what `cargo book setup --lane kind` brings, and about two minutes:
//! `cargo test -p book-setup --features cluster --test cluster`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process::Command;

use book_setup::cluster::{Cluster, Shared};

/// Removed when this is dropped, also when the test panics.
struct Made(Shared);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

fn docker(args: &[&str]) {
    let out = Command::new("docker").args(args).output().expect("docker");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_cluster_is_made_found_healed_and_removed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("book-{:016x}", RandomState::new().build_hasher().finish());
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
