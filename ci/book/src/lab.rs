//! Labs: WebAssembly made from the very crates that pages print, and whether what is committed still is that.
//!
//! A lab is a package of the book's own, `listings/*/NAME`, with a function `answer(&str) -> String`. It needs nothing
//! from a registry. [`build()`] compiles it behind the few lines of `lab/door.rs`, by one recipe, into
//! `theme/labs/NAME.wasm`, and writes beside it from what. Building the book needs no such compiler: [`Committed::read`]
//! compares hashes.

mod build;
mod inputs;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::evidence::sha256;
use crate::model::Root;

pub use build::{build, fetch};
pub use inputs::{inputs, package};

/// Where labs are committed, below the root.
pub const FOLDER: &str = "theme/labs";

/// Where they lie on the site.
pub const ON_SITE: &str = "labs";

/// The most that a lab may weigh with gzip, in bytes.
pub const HEAVIEST: usize = 15_000;

/// What a build writes beside the WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// SHA-256 of all that it was made from.
    pub inputs: String,
    /// SHA-256 of the WebAssembly.
    pub wasm: String,
    /// `rustc 1.96.0 (…)`.
    pub compiler: String,
    /// Its size.
    pub bytes: usize,
    /// Its size with gzip.
    pub gzip: usize,
}

/// A lab as it is committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its WebAssembly.
    pub wasm: Vec<u8>,
    /// From what.
    pub made: Made,
}

/// `theme/labs/NAME.wasm`.
pub fn path(name: &str) -> String {
    format!("{FOLDER}/{name}.wasm")
}

/// The lab of such a path.
pub fn name(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".wasm")
}

/// What a lab said when its tests last ran: state → answer. For readers without a script.
pub fn captured_path(name: &str) -> String {
    format!("{FOLDER}/captured/{name}.json")
}

/// The command that builds a lab.
pub fn mend(name: &str) -> String {
    format!("cargo book lab build {name}")
}

impl Committed {
    /// Reads a lab, and says what is wrong with it.
    pub fn read(root: &Root, config: &Config, name: &str) -> Result<Committed, String> {
        let path = path(name);
        let inputs = inputs(root, config, name)?;
        let wasm = std::fs::read(root.join(&path)).map_err(|_| format!("{path} does not exist"))?;
        let beside = format!("{FOLDER}/{name}.toml");
        let made = std::fs::read_to_string(root.join(&beside))
            .ok()
            .and_then(|text| toml::from_str::<Made>(&text).ok())
            .ok_or_else(|| format!("{beside}, which says what {path} was made from, cannot be read"))?;
        if made.inputs != inputs {
            return Err(format!("{path} was made from other sources than the lab has now"));
        }
        if made.wasm != sha256(&wasm) {
            return Err(format!("{path} is not the file that its build wrote"));
        }
        Ok(Committed { wasm, made })
    }

    /// Its name on the site: another text has another name, so that no cache mistakes one for the other.
    pub fn file_on_site(name: &str, wasm: &[u8]) -> String {
        format!("{ON_SITE}/{name}-{}.wasm", &sha256(wasm)[..8])
    }
}

/// Copies every lab to its place on the site.
///
/// # Errors
/// When one cannot be read or written.
pub fn copy_to_site(root: &std::path::Path, site: &std::path::Path) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(root.join(FOLDER)) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "wasm") {
            let wasm = std::fs::read(&path)?;
            std::fs::create_dir_all(site.join(ON_SITE))?;
            std::fs::write(site.join(Committed::file_on_site(&name, &wasm)), wasm)?;
        }
    }
    Ok(())
}

/// What bytes weigh with gzip.
pub fn gzipped(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().map_or(usize::MAX, |out| out.len())
}
