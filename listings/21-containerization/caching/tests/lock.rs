//! The small program is built alone, with the lock file beside it: it says what the workspace's says.

use std::collections::BTreeSet;

const OWN: &str = "listings/21-containerization/exercises/cached-pipeline/files/Cargo.lock";

/// Crate, version and checksum of each crate from a registry.
fn crates(lock: &str) -> BTreeSet<Vec<String>> {
    let entries = lock.split("[[package]]\n").skip(1);
    let fields = entries.map(|entry| {
        let lines = entry.lines().filter(|l| {
            let known = ["name = ", "version = ", "checksum = "];
            known.iter().any(|k| l.starts_with(k))
        });
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    fields.filter(|entry| entry.len() == 3).collect()
}

#[test]
fn the_container_builds_what_the_workspace_tests() {
    let workspace = std::fs::read_to_string(
        book_support::root().join("Cargo.lock"),
    );
    let workspace = crates(&workspace.expect("a lock file"));
    let own = crates(&book_support::listing(OWN));
    assert!(own.len() > 10, "{own:?}");
    let other: Vec<_> = own.difference(&workspace).collect();
    assert!(
        other.is_empty(),
        "not what the workspace builds: {other:?}\n  fix: copy the workspace's Cargo.lock beside that Cargo.toml, in a folder of their own, and run cargo update --workspace --offline"
    );
}
