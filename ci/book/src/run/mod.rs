//! The jobs that checks are made of.

pub mod browser;
pub mod cluster;
pub mod console;
pub mod leftovers;
mod runner;
pub mod snippets;
pub mod tests;

use std::path::PathBuf;

/// This program, to be started again by this process: on Linux the very one that runs, also when a build has put
/// another in its place meanwhile.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}

/// Where this program lies, for others that start it.
pub(crate) fn own_path() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // As Linux names one that a build has replaced; the new one knows the same roles.
    let plain = path.to_str().and_then(|text| text.strip_suffix(" (deleted)"));
    Ok(plain.map(PathBuf::from).unwrap_or(path))
}

pub use runner::{Book, Options, Outcome, merge, plural, test};
