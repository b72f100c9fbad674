//! A container builds links-api alone, with the lock file beside it. That file says what the workspace's says.

use std::collections::BTreeMap;
use std::process::Command;

const OWN: &str = "listings/21-containerization/links-api/Cargo.lock";

/// Crate and version → the rest of the entry but its dependencies' order.
fn entries(lock: &str) -> BTreeMap<String, String> {
    lock.split("[[package]]\n")
        .skip(1)
        .filter_map(|entry| {
            let line = |key: &str| {
                entry
                    .lines()
                    .find(|l| l.starts_with(key))
                    .map(str::to_owned)
            };
            let id =
                format!("{} {}", line("name = ")?, line("version = ")?);
            Some((id, line("checksum = ").unwrap_or_default()))
        })
        .collect()
}

#[test]
fn the_container_builds_what_the_workspace_tests() {
    let root = book_support::root();
    if std::env::var_os("BOOK_BLESS").is_some() {
        let copy = tempfile::tempdir().unwrap();
        let from = root.join("listings/21-containerization/links-api");
        std::fs::create_dir(copy.path().join("src")).unwrap();
        for file in ["Cargo.toml", "src/lib.rs", "src/main.rs"] {
            std::fs::copy(from.join(file), copy.path().join(file))
                .unwrap();
        }
        std::fs::copy(
            root.join("Cargo.lock"),
            copy.path().join("Cargo.lock"),
        )
        .unwrap();
        let settled = Command::new("cargo")
            .args(["update", "--workspace", "--offline", "--quiet"])
            .current_dir(copy.path())
            .status()
            .unwrap();
        assert!(settled.success());
        let part = root.join(OWN).with_extension("part");
        std::fs::copy(copy.path().join("Cargo.lock"), &part).unwrap();
        std::fs::rename(&part, root.join(OWN)).unwrap();
    }
    let whole = entries(
        &std::fs::read_to_string(root.join("Cargo.lock")).unwrap(),
    );
    let own = entries(&book_support::listing(OWN));
    assert!(own.len() > 20, "{OWN} has only {} entries", own.len());
    for (id, checksum) in &own {
        let same = whole.get(id);
        assert_eq!(
            same,
            Some(checksum),
            "{id} of {OWN} is not what the workspace builds\n  fix: cargo book test --bless images"
        );
    }
}
