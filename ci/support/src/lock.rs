//! Lock files of listings that a container builds on their own: each says what the workspace's lock file says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::{listing, root};

/// Fewer entries than this are a lock file that was not written.
const FEWEST: usize = 20;

/// Compares the lock file of a package with the workspace's. With `BOOK_BLESS` it is first written anew from that.
/// `package` is the package's folder, relative to the book's.
///
/// # Panics
/// When an entry differs, with the command that mends it.
#[track_caller]
pub fn follows_the_workspace(package: &str) {
    let own = format!("{package}/Cargo.lock");
    if std::env::var_os("BOOK_BLESS").is_some() {
        write(&root().join(package), &root().join("Cargo.lock"));
    }
    let whole = std::fs::read_to_string(root().join("Cargo.lock")).expect("the workspace's lock file");
    let whole = entries(&whole);
    let listed = entries(&listing(&own));
    assert!(listed.len() > FEWEST, "{own} has only {} entries", listed.len());
    for (id, checksum) in &listed {
        assert_eq!(
            whole.get(id),
            Some(checksum),
            "{id} of {own} is not what the workspace builds\n  fix: cargo book test --bless {package}"
        );
    }
}

/// Crate and version → its checksum's line.
fn entries(lock: &str) -> BTreeMap<String, String> {
    lock.split("[[package]]\n")
        .skip(1)
        .filter_map(|entry| {
            let line = |key: &str| entry.lines().find(|l| l.starts_with(key)).map(str::to_owned);
            let id = format!("{} {}", line("name = ")?, line("version = ")?);
            Some((id, line("checksum = ").unwrap_or_default()))
        })
        .collect()
}

/// Lets cargo settle a copy of the package, without the packages around it, beside the workspace's lock file.
fn write(package: &Path, workspace: &Path) {
    let copy = tempfile::tempdir().expect("a temporary folder");
    let done = (|| {
        std::fs::copy(package.join("Cargo.toml"), copy.path().join("Cargo.toml"))?;
        // cargo wants to see the programs that it is to settle.
        std::fs::create_dir(copy.path().join("src"))?;
        std::fs::write(copy.path().join("src/lib.rs"), "")?;
        std::fs::copy(workspace, copy.path().join("Cargo.lock"))?;
        Command::new("cargo")
            .args(["update", "--workspace", "--offline", "--quiet"])
            .current_dir(copy.path())
            .status()
    })();
    let settled = done.unwrap_or_else(|e| panic!("{}: {e}", package.display()));
    assert!(settled.success(), "cargo does not settle {}", package.display());
    let part = package.join("Cargo.part");
    std::fs::copy(copy.path().join("Cargo.lock"), &part)
        .and_then(|_| std::fs::rename(&part, package.join("Cargo.lock")))
        .unwrap_or_else(|e| panic!("{}: {e}", package.display()));
}
