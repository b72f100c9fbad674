//! Whether this machine can run a lane, and with what. What is missing is brought by the set-up crate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use book_setup::{Need, State};

use crate::model::{Lane, Root};
use crate::run::cluster::Cluster;
use crate::workspace::Workspace;

/// The same lane in the set-up crate's words.
fn known(lane: Lane) -> book_setup::Lane {
    match lane {
        Lane::Offline => book_setup::Lane::Offline,
        Lane::Docker => book_setup::Lane::Docker,
        Lane::Kind => book_setup::Lane::Kind,
        Lane::Browser => book_setup::Lane::Browser,
    }
}

fn known_all(lanes: &[Lane]) -> Vec<book_setup::Lane> {
    lanes.iter().copied().map(known).collect()
}

/// Why a lane cannot run here, with the fixing command; `None` when it can.
pub fn missing(root: &Root, lane: Lane) -> Option<String> {
    let need = book_setup::doctor(&root.path, &[known(lane)])
        .into_iter()
        .find(|need| !need.is_ready())?;
    let State::Missing { why, fix } = need.state else {
        return None;
    };
    Some(match need.name.as_str() {
        "docker engine" => format!("no Docker engine; {fix}"),
        name => format!("no {name}: {why}; {fix}"),
    })
}

/// `llvm-profdata` and `llvm-cov`.
pub fn llvm() -> Option<(PathBuf, PathBuf)> {
    book_setup::llvm_tool("llvm-profdata").zip(book_setup::llvm_tool("llvm-cov"))
}

/// The tools behind a lane, for the evidence.
pub fn versions(root: &Root, lane: Lane, workspace: &Workspace) -> BTreeMap<String, String> {
    let rustc = workspace.rustc.strip_prefix("rustc ").unwrap_or(&workspace.rustc);
    let mut versions = BTreeMap::from([("rustc".to_owned(), rustc.to_owned())]);
    if lane.has_engine() {
        let asked = Command::new("docker")
            .args(["version", "--format", "{{.Server.Version}}"])
            .output();
        if let Ok(out) = asked
            && out.status.success()
        {
            let version = String::from_utf8_lossy(&out.stdout).trim().to_owned();
            versions.insert("Docker Engine".to_owned(), version);
        }
    }
    if lane == Lane::Kind {
        versions.extend(Cluster::of(root).versions());
    }
    versions
}

/// What `cargo book setup` would do, with the optional images that are asked for by name. Empty when all is ready.
///
/// # Errors
/// When something is missing that no set-up can bring to this machine, or no image has an asked name.
pub fn plan(root: &Root, lanes: &[Lane], images: &[String]) -> Result<Vec<book_setup::Step>> {
    book_setup::plan(&root.path, &known_all(lanes), images)
}

/// The lanes that images asked for by name belong to; of a name that is not listed, the set-up says so.
///
/// # Errors
/// When the list of images is malformed.
pub fn of_images(root: &Root, names: &[String]) -> Result<Vec<Lane>> {
    let listed = book_setup::images(&root.path)?;
    let lane = |name: &String| {
        let image = listed.iter().find(|image| image.name == *name);
        match image.map(|image| image.lane) {
            Some(book_setup::Lane::Kind) => Lane::Kind,
            _ => Lane::Docker,
        }
    };
    Ok(names.iter().map(lane).collect())
}

/// Does the steps of a plan.
///
/// # Errors
/// The first step that fails.
pub fn set_up(root: &Root, steps: &[book_setup::Step]) -> Result<()> {
    book_setup::run(&root.path, steps)
}

/// Removes what a set-up made and what outlives a run. Says what was there.
///
/// # Errors
/// When something cannot be removed.
pub fn down(root: &Root) -> Result<Vec<String>> {
    book_setup::down(&root.path)
}

/// Prints what is there and what is missing; whether nothing is missing.
pub fn print_doctor(root: &Root, lanes: &[Lane]) -> bool {
    let mut ready = true;
    for lane in lanes {
        let needs = book_setup::doctor(&root.path, &[known(*lane)]);
        let lacks = needs.iter().filter(|need| !need.is_ready()).count();
        ready &= lacks == 0;
        match lacks {
            0 => println!("{lane}: ready"),
            n => println!("{lane}: lacks {n} of {}", needs.len()),
        }
        let width = needs.iter().map(|need| need.name.len()).max().unwrap_or_default();
        for need in &needs {
            println!("  {}", row(need, width));
        }
    }
    ready
}

fn row(need: &Need, width: usize) -> String {
    match &need.state {
        State::Ready { version, .. } => format!("ok       {:width$}  {version}", need.name),
        State::Missing { why, fix } => format!("missing  {:width$}  {why}\n  fix: {fix}", need.name),
    }
}
