//! LLVM's coverage tools: they must be of the compiler's own LLVM, or cannot read what it writes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::command::{QUESTION, ask, logged, on_path};
use crate::debian;

/// What `rustc -vV` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rustc {
    /// `1.95.0`.
    pub release: String,
    /// `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// `22` of `LLVM version: 22.1.2`.
    pub llvm: String,
}

impl Rustc {
    /// Asks the compiler that cargo uses.
    pub fn ask() -> Option<Rustc> {
        let out = ask(Command::new(program()).arg("-vV"), QUESTION)?;
        out.status
            .success()
            .then(|| Rustc::parse(&String::from_utf8_lossy(&out.stdout)))
    }

    fn parse(text: &str) -> Rustc {
        let field = |name: &str| {
            text.lines()
                .find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
                .unwrap_or_default()
                .to_owned()
        };
        let llvm = field("LLVM version");
        Rustc {
            release: field("release"),
            host: field("host"),
            llvm: llvm.split('.').next().unwrap_or_default().to_owned(),
        }
    }
}

fn program() -> std::ffi::OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The folder of the compiler's own libraries and tools.
pub fn sysroot() -> Option<PathBuf> {
    let out = ask(Command::new(program()).args(["--print", "sysroot"]), QUESTION)?;
    out.status
        .success()
        .then(|| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()))
}

/// Where `llvm-profdata` or `llvm-cov` of the compiler's LLVM is: in its own folder (rustup's component
/// `llvm-tools`), else installed beside it with the same major version.
pub fn llvm_tool(name: &str) -> Option<PathBuf> {
    find(name, &Rustc::ask()?, &sysroot()?)
}

/// As [`llvm_tool`], for a compiler that is known.
pub fn find(name: &str, rustc: &Rustc, sysroot: &Path) -> Option<PathBuf> {
    let own = sysroot
        .join("lib/rustlib")
        .join(&rustc.host)
        .join("bin")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if own.is_file() {
        return Some(own);
    }
    let beside = PathBuf::from(format!("/usr/lib/llvm-{}/bin/{name}", rustc.llvm));
    on_path(&format!("{name}-{}", rustc.llvm)).or_else(|| beside.is_file().then_some(beside))
}

/// Whether the compiler comes from rustup, which can then add a component to it.
pub fn by_rustup(sysroot: &Path) -> bool {
    sysroot.components().any(|c| c.as_os_str() == "toolchains") && on_path("rustup").is_some()
}

/// Installs the tools: by rustup, else from a Debian package. Says which.
pub fn install(rustup: bool, package: Option<&str>, logs: &Path) -> Result<String> {
    let log = logs.join("llvm-tools.log");
    let mut why = String::new();
    if rustup {
        match logged(
            Command::new("rustup").args(["component", "add", "llvm-tools"]),
            &log,
            Duration::from_secs(180),
        ) {
            Ok(()) => return Ok("from rustup".into()),
            Err(error) => why = format!("{error:#}\n"),
        }
    }
    match package {
        Some(package) => {
            debian::install(&[package.to_owned()], None, logs)?;
            Ok(format!("from Debian's {package}"))
        }
        None => bail!("{why}the coverage tools could not be installed\n  fix: rustup component add llvm-tools"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_says_which_llvm_it_holds() {
        let rustc = Rustc::parse(
            "rustc 1.95.0 (abc 2026-04-14)\nbinary: rustc\nhost: aarch64-apple-darwin\nrelease: 1.95.0\nLLVM version: 22.1.2\n",
        );
        assert_eq!(
            rustc,
            Rustc {
                release: "1.95.0".into(),
                host: "aarch64-apple-darwin".into(),
                llvm: "22".into()
            }
        );
    }

    #[test]
    fn the_tool_of_the_sysroot_comes_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let rustc = Rustc {
            release: "1.95.0".into(),
            host: "h".into(),
            llvm: "no-such".into(),
        };
        assert_eq!(find("llvm-cov", &rustc, dir.path()), None);
        let bin = dir.path().join("lib/rustlib/h/bin");
        std::fs::create_dir_all(&bin).expect("folders");
        std::fs::write(bin.join(format!("llvm-cov{}", std::env::consts::EXE_SUFFIX)), "").expect("a file");
        assert!(find("llvm-cov", &rustc, dir.path()).is_some_and(|p| p.starts_with(dir.path())));
    }
}
