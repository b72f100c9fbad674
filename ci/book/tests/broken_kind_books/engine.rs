//! The table's own cluster, and what is on it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use book_setup::cluster::Shared;

use crate::book::REPO;

/// Where its kubeconfig lies, which copies of the good book take along.
pub const KUBECONFIG: &str = "target/book/kind/kubeconfig";

/// What was on it when it was new.
static NEW: Mutex<Option<BTreeSet<String>>> = Mutex::new(None);

/// Its name: one for each folder of programs, so that tables of other clones do not meet, and the next run of this one
/// finds what one that was killed left.
pub fn name() -> String {
    let number = env!("CARGO_BIN_EXE_book")
        .bytes()
        .fold(0_u32, |n, b| n.wrapping_mul(31).wrapping_add(b.into()));
    format!("broken-books-{number:08x}")
}

/// Its node.
pub fn node() -> String {
    format!("{}-control-plane", name())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kind-of-{}", name()))
}

fn shared() -> Shared {
    Shared::new(&Path::new(REPO).join("../.."), &name(), &folder())
}

/// Makes it, or finds it alive; the text of its kubeconfig.
pub fn kubeconfig() -> String {
    let cluster = shared();
    std::fs::create_dir_all(folder()).expect("a folder for the kubeconfig");
    if let Err(error) = cluster.provide(&folder()) {
        panic!("no cluster for this table: {error:#}");
    }
    NEW.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_with(objects);
    std::fs::read_to_string(cluster.kubeconfig()).expect("kind writes a kubeconfig")
}

/// Removes it, if this process made it: the same program also plays other roles.
pub fn remove() {
    if NEW.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        return;
    }
    if let Err(error) = shared().remove() {
        eprintln!("{error:#}");
    }
    // What stays there is the log of its making.
    let _ = std::fs::remove_dir_all(folder());
}

/// A docker command.
pub fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker")
}

/// What a kubectl command prints.
pub fn kubectl(args: &[&str]) -> String {
    let out = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(shared().kubeconfig())
        .args(args)
        .output()
        .expect("kubectl");
    assert!(
        out.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// What belongs to no namespace, and the namespaces.
fn objects() -> BTreeSet<String> {
    let kinds = "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,persistentvolumes,\
                 validatingwebhookconfigurations,validatingadmissionpolicies";
    kubectl(&["get", kinds, "--output=name"])
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Nothing is there that was not when it was new.
pub fn nothing_left(_: u32) -> Result<(), String> {
    let new = NEW.lock().unwrap_or_else(PoisonError::into_inner);
    let left: Vec<String> = objects()
        .difference(new.as_ref().ok_or("no cluster")?)
        .cloned()
        .collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("left on the cluster: {left:?}"))
    }
}
