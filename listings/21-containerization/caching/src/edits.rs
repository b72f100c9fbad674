//! Changes of a program's folder, as its author would make them. Tests build before and after, and leave no cache behind.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// The dependency that is added: it stands on no other.
pub const ADDED: &str = "hex";

/// Appends a comment that no earlier build has seen.
///
/// # Errors
/// When the file cannot be written.
pub fn comment(folder: &Path, file: &str) -> io::Result<()> {
    let path = folder.join(file);
    let text = fs::read_to_string(&path)?;
    fs::write(path, format!("{text}// {:?}\n", SystemTime::now()))
}

/// Adds a dependency to a package as `cargo add` would, without asking
/// a registry: `known` is a lock file that has it.
///
/// # Errors
/// When a file is missing, or `known` does not have the dependency.
pub fn dependency(folder: &Path, known: &str) -> io::Result<()> {
    let (manifest, lock) =
        (folder.join("Cargo.toml"), folder.join("Cargo.lock"));
    let text = fs::read_to_string(&manifest)?;
    let head = "[dependencies]\n";
    let more = format!("{head}{ADDED} = \"*\"\n");
    fs::write(&manifest, text.replacen(head, &more, 1))?;

    let name = text.lines().find_map(|l| l.strip_prefix("name = "));
    let lost = |what: &str| io::Error::other(what.to_owned());
    let name = name.ok_or_else(|| lost("a package without a name"))?;
    let entry = entries(known)
        .find(|e| is(e, &format!("\"{ADDED}\"")))
        .ok_or_else(|| lost("the lock file lacks the dependency"))?;

    let text = fs::read_to_string(&lock)?;
    let mut all: Vec<String> = entries(&text)
        .map(|e| if is(e, name) { with(e) } else { e.to_owned() })
        .collect();
    all.push(entry.to_owned());
    all.sort();
    let head = text.split("[[package]]").next().unwrap_or_default();
    let all = all.iter().map(|e| format!("[[package]]\n{e}\n"));
    let whole = head.to_owned() + &all.collect::<Vec<_>>().join("\n");
    fs::write(lock, whole)
}

fn entries(lock: &str) -> impl Iterator<Item = &str> {
    lock.split("[[package]]\n").skip(1).map(str::trim_end)
}

fn is(entry: &str, name: &str) -> bool {
    entry.lines().next() == Some(&format!("name = {name}"))
}

/// An entry that has one dependency more, in its place in the alphabet.
fn with(entry: &str) -> String {
    let head = "dependencies = [\n";
    let (before, list) = entry.split_once(head).unwrap_or((entry, "]"));
    let more = format!(" \"{ADDED}\",");
    let mut lines: Vec<&str> =
        list.lines().filter(|l| *l != "]").chain([&*more]).collect();
    lines.sort_unstable();
    let before = match before.ends_with('\n') {
        true => before.to_owned(),
        false => format!("{before}\n"),
    };
    format!("{before}{head}{}\n]", lines.join("\n"))
}

/// Takes the cache mounts that have this word in their name out of the
/// engine.
pub fn forget_mounts(word: &str) {
    forget(|record| {
        record.contains("exec.cachemount") && record.contains(word)
    });
}

/// Takes records out of the engine's cache, chosen by how
/// `docker buildx du --verbose` describes them.
pub fn forget(chosen: impl Fn(&str) -> bool) {
    let docker = |args: &[&str]| {
        Command::new("docker").args(args).output().map(|o| o.stdout)
    };
    let all = docker(&["buildx", "du", "--verbose"]);
    let all = all.unwrap_or_default();
    let all = String::from_utf8_lossy(&all);
    for record in all.split("\n\n").filter(|record| chosen(record)) {
        let id = record.lines().find_map(|l| l.strip_prefix("ID:"));
        let id = format!("id={}", id.unwrap_or("none").trim());
        let prune = ["buildx", "prune", "--force", "--filter", &id];
        // What is still in use stays, and whoever needs it gone sees it.
        let _ = docker(&prune);
    }
}
