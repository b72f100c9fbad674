//! What cargo knows of the book's workspace: packages, their test targets and lanes, their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::config::Config;
use crate::model::{Lane, Root};
use crate::page::files_below;

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub dir: String,
    /// Whether pages show its code.
    pub is_listing: bool,
    /// The lanes that have a feature of their name here.
    pub features: BTreeSet<Lane>,
    /// Lanes with at least one test target.
    pub lanes: BTreeSet<Lane>,
    /// Targets, as [`target_key`] names them, that need a lane's feature; all others are offline.
    pub target_lanes: BTreeMap<String, Lane>,
    /// How many test programs a lane has.
    pub programs: BTreeMap<Lane, usize>,
    /// Other packages of the workspace that it is built from, directly.
    pub needs: BTreeSet<String>,
}

/// The packages by name.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// By name.
    pub packages: BTreeMap<String, Package>,
    /// `rustc 1.95.0 (…)`.
    pub rustc: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetaPackage>,
}

#[derive(Deserialize)]
struct MetaPackage {
    name: String,
    manifest_path: String,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<MetaTarget>,
    dependencies: Vec<MetaDependency>,
}

#[derive(Deserialize)]
struct MetaTarget {
    name: String,
    kind: Vec<String>,
    test: bool,
    #[serde(default, rename = "required-features")]
    required_features: Vec<String>,
}

#[derive(Deserialize)]
struct MetaDependency {
    name: String,
    path: Option<String>,
}

/// cargo, without what this process inherited from a cargo that runs it.
pub fn cargo(root: &Root) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&root.path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        let inherited = text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text.starts_with("CARGO_BIN_")
            || matches!(
                text.as_str(),
                "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR" | "OUT_DIR"
            );
        if inherited {
            command.env_remove(&name);
        }
    }
    command
}

/// Brings `Cargo.lock` up to the manifests, as the first build would: it is an input of all that is built, and a run
/// that changes it would end with evidence for another one.
pub fn settle(root: &Root) {
    if !root.join("Cargo.toml").is_file() {
        return;
    }
    // Without the network where that is enough. If neither works, the build says why.
    for more in [&["--offline"][..], &[]] {
        let out = cargo(root)
            .args(["update", "--workspace", "--quiet"])
            .args(more)
            .output();
        if out.is_ok_and(|out| out.status.success()) {
            return;
        }
    }
}

/// Names a target within its package: a library and a test of it may have one name.
pub fn target_key(kind: &[String], name: &str) -> String {
    format!("{} {name}", kind.first().map_or("", String::as_str))
}

impl Workspace {
    /// Asks cargo. A book without a `Cargo.toml` has no packages.
    pub fn load(root: &Root, config: &Config) -> Result<Workspace> {
        if !root.join("Cargo.toml").is_file() {
            return Ok(Workspace::default());
        }
        let out = cargo(root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cargo does not start\n  fix: install Rust (https://rustup.rs)")?;
        if !out.status.success() {
            bail!(
                "cargo cannot read the workspace:\n{}",
                String::from_utf8_lossy(&out.stderr).trim()
            );
        }
        let metadata: Metadata = serde_json::from_slice(&out.stdout)?;
        let names: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
        let mut packages = BTreeMap::new();
        for meta in &metadata.packages {
            let dir = Path::new(&meta.manifest_path).parent().unwrap_or(Path::new(""));
            let dir = dir
                .strip_prefix(&root.path)
                .unwrap_or(dir)
                .to_string_lossy()
                .replace('\\', "/");
            let lane_of = |features: &[String]| features.iter().find_map(|f| f.parse::<Lane>().ok());
            let mut lanes = BTreeSet::new();
            let mut target_lanes = BTreeMap::new();
            let mut programs = BTreeMap::new();
            for target in meta
                .targets
                .iter()
                .filter(|t| t.test && !t.kind.iter().any(|k| k == "custom-build"))
            {
                let lane = match lane_of(&target.required_features) {
                    Some(lane) => lane,
                    None if target.required_features.is_empty() => Lane::Offline,
                    // Behind a feature that is no lane: run by hand, and nobody's evidence.
                    None => continue,
                };
                lanes.insert(lane);
                *programs.entry(lane).or_default() += 1;
                if lane != Lane::Offline {
                    target_lanes.insert(target_key(&target.kind, &target.name), lane);
                }
            }
            packages.insert(
                meta.name.clone(),
                Package {
                    name: meta.name.clone(),
                    is_listing: config.is_below_listings(&dir),
                    dir,
                    features: meta.features.keys().filter_map(|f| f.parse().ok()).collect(),
                    lanes,
                    target_lanes,
                    programs,
                    needs: meta
                        .dependencies
                        .iter()
                        .filter(|d| d.path.is_some() && names.contains(d.name.as_str()))
                        .map(|d| d.name.clone())
                        .collect(),
                },
            );
        }
        let rustc = Command::new("rustc")
            .arg("--version")
            .output()
            .context("rustc does not start")?;
        let rustc = String::from_utf8_lossy(&rustc.stdout).trim().to_owned();
        Ok(Workspace { packages, rustc })
    }

    /// The package whose folder holds a file: the deepest.
    pub fn package_of(&self, path: &str) -> Option<&Package> {
        self.packages
            .values()
            .filter(|p| Path::new(path).starts_with(&p.dir))
            .max_by_key(|p| p.dir.len())
    }

    /// A package and all that it is built from, within the workspace.
    pub fn closure(&self, package: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut open = vec![package.to_owned()];
        while let Some(name) = open.pop() {
            if let Some(package) = self.packages.get(&name)
                && all.insert(name)
            {
                open.extend(package.needs.iter().cloned());
            }
        }
        all
    }

    /// The files that a package's tests are made from: its own, those of the packages below it, the lock file, and what
    /// sets up the tools for the whole workspace.
    pub fn inputs(&self, root: &Root, package: &str) -> Vec<String> {
        let mut files: Vec<String> = self
            .closure(package)
            .iter()
            .flat_map(|name| files_below(root, &self.packages[name].dir))
            .collect();
        files.extend(
            [
                "Cargo.toml",
                "Cargo.lock",
                ".cargo/config.toml",
                "rust-toolchain.toml",
                "rustfmt.toml",
                ".rustfmt.toml",
                "clippy.toml",
                ".clippy.toml",
            ]
            .map(str::to_owned)
            .into_iter()
            .filter(|f| root.join(f).is_file()),
        );
        files
    }
}
