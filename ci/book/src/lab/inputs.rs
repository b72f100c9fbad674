//! What a lab's WebAssembly is made from, as one hash.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::config::Config;
use crate::evidence::sha256;
use crate::model::Root;
use crate::page::files_below;

/// The folder of a lab's package, relative to the root.
///
/// # Errors
/// When no folder of that name lies below the listings.
pub fn package(root: &Root, config: &Config, name: &str) -> Result<String, String> {
    for listings in &config.listings {
        let modules = std::fs::read_dir(root.join(listings)).into_iter().flatten().flatten();
        for module in modules {
            let dir = format!("{listings}/{}/{name}", module.file_name().to_string_lossy());
            if root.join(&dir).join("Cargo.toml").is_file() {
                return Ok(dir);
            }
        }
    }
    Err(format!("no package `{name}` lies below the listings"))
}

/// The hash of a lab's own sources, of those of the packages below it, and of the recipe.
///
/// # Errors
/// When a manifest does not read, or names a package of a registry: then the lock file would be an input too, and the
/// lab heavier than it need be.
pub fn inputs(root: &Root, config: &Config, name: &str) -> Result<String, String> {
    let mut open = vec![package(root, config, name)?];
    let mut seen = BTreeSet::new();
    let mut text = super::build::RECIPE.join("\n");
    while let Some(dir) = open.pop() {
        if !seen.insert(dir.clone()) {
            continue;
        }
        for file in files_below(root, &format!("{dir}/src")) {
            let bytes = std::fs::read(root.join(&file)).map_err(|e| format!("{file} cannot be read: {e}"))?;
            let inside = file.strip_prefix(&dir).unwrap_or(&file);
            text.push_str(&format!("\n{inside} {}", sha256(&bytes)));
        }
        let needs = needs(root, &dir)?;
        text.push_str(&format!("\nneeds {}", needs.len()));
        open.extend(needs);
    }
    Ok(sha256(text.as_bytes()))
}

/// The folders of the packages that a package needs, outside its tests.
fn needs(root: &Root, dir: &str) -> Result<Vec<String>, String> {
    let path = format!("{dir}/Cargo.toml");
    let manifest = table(root, &path)?;
    let Some(needed) = manifest.get("dependencies").and_then(toml::Value::as_table) else {
        return Ok(Vec::new());
    };
    let workspace = table(root, "Cargo.toml").unwrap_or_default();
    let shared = workspace.get("workspace").and_then(|w| w.get("dependencies"));
    let mut folders = Vec::new();
    for (name, own) in needed {
        let inherited = own.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let (entry, from) = match shared.and_then(|s| s.get(name)) {
            Some(entry) if inherited => (entry, ""),
            _ => (own, dir),
        };
        let Some(path) = entry.get("path").and_then(toml::Value::as_str) else {
            return Err(format!("{dir} needs `{name}` from a registry, and a lab stands alone"));
        };
        folders.push(normal(root, &Path::new(from).join(path)));
    }
    Ok(folders)
}

fn table(root: &Root, path: &str) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(root.join(path)).map_err(|e| format!("{path} cannot be read: {e}"))?;
    text.parse().map_err(|e| format!("{path} is no TOML: {e}"))
}

/// Relative to the root without `..`, where it lies below it.
fn normal(root: &Root, path: &Path) -> String {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    let out = out.strip_prefix(&root.path).map(Path::to_path_buf).unwrap_or(out);
    out.to_string_lossy().replace('\\', "/")
}
