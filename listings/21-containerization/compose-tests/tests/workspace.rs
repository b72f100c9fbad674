//! The images' workspace says what the book's says: its dependencies, its lints, and which release of each crate.
//!
//! With `BOOK_BLESS` both files are first written anew from the book's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use book_support::{listing, root};
use toml::{Table, Value};

/// Relative to the book's folder.
const MODULE: &str = "listings/21-containerization";

/// What the images are made from.
const CRATES: [&str; 6] = [
    "clicks",
    "links-api",
    "links-connected",
    "links-contract",
    "resolver",
    "service",
];

fn table(text: &str) -> Table {
    text.parse().expect("a manifest is TOML")
}

/// The part of the workspace's manifest that has this name.
fn part(manifest: &Table, name: &str) -> Table {
    let part =
        manifest["workspace"].get(name).and_then(Value::as_table);
    part.cloned().unwrap_or_default()
}

/// What the crates take from their workspace, by name.
fn taken() -> Vec<String> {
    let mut names = Vec::new();
    for name in CRATES {
        let path = root().join(MODULE).join(name).join("Cargo.toml");
        let manifest = table(&std::fs::read_to_string(path).unwrap());
        for kind in
            ["dependencies", "dev-dependencies", "build-dependencies"]
        {
            let dependencies =
                manifest.get(kind).and_then(Value::as_table);
            for (name, value) in dependencies.into_iter().flatten() {
                if value.get("workspace").is_some() {
                    names.push(name.clone());
                }
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

/// What the book's workspace says of them. A path is another one here.
fn wanted() -> BTreeMap<String, Value> {
    let book =
        std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let book = part(&table(&book), "dependencies");
    let wanted = taken().into_iter().map(|name| {
        let mut value = book[&name].clone();
        if let Some(path) = value.get_mut("path") {
            let here = path.as_str().unwrap_or_default();
            let here = here.trim_start_matches(MODULE);
            *path = Value::String(here.trim_start_matches('/').into());
        }
        (name, value)
    });
    wanted.collect()
}

/// The text of the manifest from `[workspace.dependencies]` on.
fn written() -> String {
    let mut text = String::from("[workspace.dependencies]\n");
    for (name, value) in wanted() {
        text += &format!("{name} = {value}\n");
    }
    text + "\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n\
        missing_docs = \"warn\"\n\n[workspace.lints.clippy]\n\
        all = { level = \"warn\", priority = -1 }\n"
}

fn file(name: &str) -> PathBuf {
    root().join(MODULE).join("system").join(name)
}

fn is_blessed() -> bool {
    std::env::var_os("BOOK_BLESS").is_some()
}

#[test]
fn manifest_and_lock_are_those_of_the_book() {
    manifest();
    lock();
}

fn manifest() {
    let path = file("workspace.toml");
    if is_blessed() {
        let text = std::fs::read_to_string(&path).unwrap();
        let head = text.split("[workspace.dependencies]").next();
        let head = head.unwrap().trim_end();
        std::fs::write(&path, format!("{head}\n\n{}", written()))
            .unwrap();
    }
    let own =
        table(&listing(&format!("{MODULE}/system/workspace.toml")));
    let book =
        std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let book = table(&book);
    let dependencies: BTreeMap<String, Value> =
        part(&own, "dependencies").into_iter().collect();
    let fix = "fix: cargo book test --bless compose-tests";
    assert_eq!(dependencies, wanted(), "{fix}");
    for name in ["package", "lints"] {
        assert_eq!(part(&own, name), part(&book, name), "{name}");
    }
    assert_eq!(
        own["workspace"]["resolver"],
        book["workspace"]["resolver"]
    );
}

/// What cargo makes of the lock file in a copy of the build context: the
/// file itself, or `--locked` refuses it in the image.
fn settled(lock: &Path) -> String {
    let copy = tempfile::tempdir().unwrap();
    for name in CRATES {
        copy_all(
            &root().join(MODULE).join(name),
            &copy.path().join(name),
        );
    }
    let manifest = copy.path().join("Cargo.toml");
    std::fs::copy(file("workspace.toml"), manifest).unwrap();
    let settled = copy.path().join("Cargo.lock");
    std::fs::copy(lock, &settled).unwrap();
    let cargo = Command::new("cargo")
        .args(["update", "--workspace", "--offline", "--quiet"])
        .current_dir(copy.path())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{cargo:?}");
    std::fs::read_to_string(settled).unwrap()
}

fn lock() {
    let path = file("workspace.lock");
    let book = root().join("Cargo.lock");
    if is_blessed() {
        std::fs::write(&path, settled(&book)).unwrap();
    }
    let own = std::fs::read_to_string(&path).unwrap();
    let fix = "fix: cargo book test --bless compose-tests";
    assert_eq!(settled(&path), own, "{fix}");
    let book = std::fs::read_to_string(book).unwrap();
    let (book, own) = (releases(&book), releases(&own));
    assert!(own.len() > 100, "only {} crates", own.len());
    for (release, checksum) in &own {
        assert_eq!(
            book.get(release),
            Some(checksum),
            "{release}; {fix}"
        );
    }
}

/// Each crate with its release, and its checksum.
fn releases(lock: &str) -> BTreeMap<String, Option<Value>> {
    let lock = table(lock);
    let packages = lock["package"].as_array().unwrap().clone();
    let release = |package: &Value| {
        let id = format!("{} {}", package["name"], package["version"]);
        (id, package.get("checksum").cloned())
    };
    packages.iter().map(release).collect()
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) =
            (entry.file_name(), entry.file_type().unwrap());
        if kind.is_dir() && name != "target" {
            copy_all(&entry.path(), &to.join(name));
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
