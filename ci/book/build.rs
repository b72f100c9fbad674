//! Finds the `mermaid.min.js` in the package of mdbook-mermaid that this tool is built with.
//!
//! The library half of that package does not hold the script, and cargo tells a crate nothing of its dependencies'
//! folders. `cargo metadata` would, but it wants every package of the workspace downloaded; so the registry's folder
//! is asked first. Taken in at build time, the script that checks a diagram is the one that the site ships, also when
//! the registry is gone.
//!
//! Also names this text of the verifier: what another one found is no evidence for this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const SCRIPT: &str = "src/bin/assets/mermaid.min.js";

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=BOOK_VERIFIER={}", text_of(&manifest.join("src")));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let lock = manifest
        .ancestors()
        .map(|dir| dir.join("Cargo.lock"))
        .find(|file| file.is_file());
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(lock) = &lock {
        println!("cargo::rerun-if-changed={}", lock.display());
    }
    let version = lock.and_then(|lock| locked_version(&std::fs::read_to_string(lock).ok()?));
    let found = version
        .as_deref()
        .and_then(in_registry)
        .or_else(|| in_metadata(&manifest));
    let Some(script) = found else {
        println!("cargo::error=the source of mdbook-mermaid is not to be found; fix: cargo fetch");
        return;
    };
    if let Err(error) = std::fs::copy(&script, out.join("mermaid.min.js")) {
        println!("cargo::error={} cannot be copied: {error}", script.display());
    }
    // The package's version names the release of mdbook-mermaid that the site's library is from.
    println!(
        "cargo::rustc-env=MERMAID_FROM=mdbook-mermaid {}",
        version.unwrap_or_default()
    );
}

fn locked_version(lock: &str) -> Option<String> {
    let (_, rest) = lock.split_once("name = \"mdbook-mermaid\"\nversion = \"")?;
    rest.split('"').next().map(str::to_owned)
}

fn in_registry(version: &str) -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()?.join(".cargo"),
    };
    let sources = std::fs::read_dir(home.join("registry/src")).ok()?;
    sources
        .flatten()
        .map(|registry| registry.path().join(format!("mdbook-mermaid-{version}")).join(SCRIPT))
        .find(|script| script.is_file())
}

/// For a vendored or patched package.
fn in_metadata(manifest: &Path) -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO")?;
    let out = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(manifest.join("Cargo.toml"))
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    text.split("\"manifest_path\":\"").skip(1).find_map(|rest| {
        let path = Path::new(rest.split('"').next()?);
        let script = path.parent()?.join(SCRIPT);
        script.is_file().then_some(script)
    })
}

/// A hash of all files below a folder, with their names: the same wherever the folder lies.
fn text_of(src: &Path) -> String {
    let mut files = Vec::new();
    walk(src, &mut files);
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(src).expect("it lies below");
        let bytes = std::fs::read(&file).expect("cargo reads it too");
        hash.update(format!("{}\0{}\0", name.display(), bytes.len()));
        hash.update(bytes);
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("cargo reads it too").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
