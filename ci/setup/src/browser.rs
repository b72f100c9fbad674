//! What the browser lane needs: Node, a Chromium, and the npm packages that the lock file of [`SCRIPTS`] names, kept below
//! cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command::{first_line, logged, on_path};

/// The folder of the scripts that look at the site.
pub const SCRIPTS: &str = "ci/browser";

/// The first Node that all of the packages run on.
pub const OLDEST_NODE: (u32, u32) = (18, 17);

/// Where a Chromium is, in the order in which they are asked for. The scripts know the same.
const PROGRAMS: [&str; 6] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// What a machine has of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// Node's version: `20.20.2`.
    pub node: Option<String>,
    /// npm's version.
    pub npm: Option<String>,
    /// Chromium's version, and where it is.
    pub chromium: Option<(String, PathBuf)>,
    /// The folder of the packages, once they are there.
    pub packages: Option<PathBuf>,
}

impl Browser {
    /// Looks at this machine.
    pub fn now(root: &Path) -> Browser {
        let plain = |line: String| line.trim_start_matches('v').to_owned();
        std::thread::scope(|scope| {
            let npm = scope.spawn(|| first_line("npm", &["--version"]));
            let chromium = scope.spawn(chromium);
            let packages = packages(root).filter(|dir| dir.join(WHOLE).is_file());
            Browser {
                node: first_line("node", &["--version"]).map(plain),
                npm: npm.join().ok().flatten(),
                chromium: chromium.join().ok().flatten(),
                packages,
            }
        })
    }
}

/// Written by npm when all is there.
const WHOLE: &str = "node_modules/.package-lock.json";

/// The folder of the scripts. `BOOK_BROWSER` names another one, for books without their own.
pub fn scripts(root: &Path) -> PathBuf {
    std::env::var_os("BOOK_BROWSER").map_or_else(|| root.join(SCRIPTS), PathBuf::from)
}

/// Where the packages belong; `None` for a book that has no scripts. Keyed by the lock file, so that a change of it never
/// meets the packages of another. `BOOK_BROWSER_PACKAGES` names another folder.
pub fn packages(root: &Path) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("BOOK_BROWSER_PACKAGES") {
        return Some(dir.into());
    }
    let lock = std::fs::read(scripts(root).join("package-lock.json")).ok()?;
    let key: String = Sha256::digest(lock)
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    Some(crate::work(root).join("browser").join(format!("packages-{key}")))
}

/// The Chromium of this machine, with its version.
pub fn chromium() -> Option<(String, PathBuf)> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = named
        .into_iter()
        .chain(PROGRAMS.map(PathBuf::from))
        .find(|path| path.is_file())?;
    // `Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)`
    let line = first_line(&path, &["--version"])?;
    let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let version = line.split_whitespace().find(number)?.to_owned();
    Some((version, path))
}

/// Brings the packages: all of them or none. Nothing that they would run on their own is run.
pub fn install(root: &Path, logs: &Path) -> Result<String> {
    let Some(place) = packages(root) else {
        bail!("{SCRIPTS}/package-lock.json cannot be read\n  fix: git checkout {SCRIPTS}");
    };
    if place.join(WHOLE).is_file() {
        return Ok("they are there".into());
    }
    let parent = place.parent().unwrap_or(root);
    std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    let new = tempfile::Builder::new().prefix(".packages-").tempdir_in(parent)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(scripts(root).join(file), new.path().join(file)).with_context(|| format!("{SCRIPTS}/{file}"))?;
    }
    on_path("npm").context("there is no `npm` on PATH\n  fix: cargo book setup --lane browser")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(new.path());
    logged(&mut npm, &logs.join("npm-ci.log"), Duration::from_secs(600)).context(
        "the packages could not be installed; see below, mend npm's configuration, then run `cargo book setup` again",
    )?;
    for old in std::fs::read_dir(parent)?.flatten() {
        let name = old.file_name().to_string_lossy().into_owned();
        if name.starts_with("packages-") {
            std::fs::remove_dir_all(old.path())?;
        }
    }
    std::fs::rename(new.keep(), &place)?;
    Ok(String::new())
}
