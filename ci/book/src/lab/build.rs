//! `cargo book lab build`: the one recipe.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{FOLDER, Made, gzipped, inputs, mend, package, path};
use crate::config::Config;
use crate::evidence::sha256;
use crate::model::Root;
use crate::workspace::cargo;

const TARGET: &str = "wasm32-unknown-unknown";

const PROFILE: &str = "\
[profile.release]
opt-level = \"z\"
lto = true
codegen-units = 1
panic = \"abort\"
strip = true
";

const DOOR: &str = include_str!("door.rs");

/// All that decides what a build makes of a lab's sources, but for the compiler: another one makes other bytes that
/// behave alike, which a test of the lab proves.
pub(super) const RECIPE: [&str; 3] = [TARGET, PROFILE, DOOR];

/// Debian's compiler for browsers, which brings the sources of its standard library. Only unpacked, never installed: it
/// would take the place of the machine's own.
const PACKAGES: [&str; 5] = [
    "rustc-web",
    "libstd-rust-web-1.96",
    "libstd-rust-web-dev",
    "libllvm22",
    "rust-web-src",
];

/// A compiler that knows the target.
enum Compiler {
    /// The machine's own.
    Own,
    /// Unpacked by [`fetch`] into this folder.
    Unpacked(PathBuf),
}

fn unpacked(root: &Root) -> PathBuf {
    root.work().join("wasm-compiler")
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let out = Command::new(rustc).args(["--print", "sysroot"]).output()?;
    Ok(PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()))
}

impl Compiler {
    fn find(root: &Root) -> Result<Compiler> {
        if sysroot(Path::new("rustc"))?.join("lib/rustlib").join(TARGET).is_dir() {
            return Ok(Compiler::Own);
        }
        let dir = unpacked(root);
        if dir.join("usr/bin/rustc").is_file() {
            return Ok(Compiler::Unpacked(dir));
        }
        bail!(
            "this compiler cannot build WebAssembly\n  fix: rustup target add {TARGET}; or, on Debian without rustup: cargo book lab fetch"
        )
    }

    fn rustc(&self) -> Command {
        match self {
            Compiler::Own => Command::new("rustc"),
            Compiler::Unpacked(dir) => {
                let mut command = Command::new(dir.join("usr/bin/rustc"));
                command.env("LD_LIBRARY_PATH", dir.join("usr/lib/x86_64-linux-gnu"));
                command
            }
        }
    }

    fn version(&self) -> Result<String> {
        let out = self.rustc().arg("--version").output()?;
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    }

    /// Lets cargo use it. No path of this machine goes into what it compiles.
    fn set(&self, cargo: &mut Command, root: &Root) -> Result<()> {
        let mut flags = Vec::new();
        let mut forget = |path: PathBuf, name: &str| {
            // Compilers name a path as they were given it, or as it truly is.
            for path in [std::fs::canonicalize(&path).ok(), Some(path)].into_iter().flatten() {
                flags.push(format!("--remap-path-prefix={}={name}", path.display()));
            }
        };
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo_home = cargo_home.or_else(|| Some(home.as_ref()?.join(".cargo")));
        for home in home.iter().chain(&cargo_home) {
            forget(home.clone(), "/home");
        }
        // The last that fits counts: where crates were downloaded from is nobody's business.
        let registries = cargo_home.map(|home| home.join("registry/src")).into_iter();
        for registry in registries
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .flatten()
            .flatten()
        {
            forget(registry.path(), "/crates");
        }
        forget(root.path.clone(), ".");
        if let Compiler::Unpacked(dir) = self {
            let linker = sysroot(Path::new("rustc"))?.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
            forget(dir.clone(), "/rustc");
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                // What std is built with for this target elsewhere, without reading symbols for backtraces.
                .arg("-Zbuild-std-features=optimize_for_size")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", dir.join("usr/bin/rustc"))
                .env("LD_LIBRARY_PATH", dir.join("usr/lib/x86_64-linux-gnu"))
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        Ok(())
    }
}

/// Brings a compiler that knows the target from Debian's packages, below the book's target folder.
///
/// # Errors
/// When apt cannot download or dpkg not unpack.
pub fn fetch(root: &Root) -> Result<()> {
    let dir = unpacked(root);
    let debs = root.scratch_dir("debs-")?;
    let fix = "fix: apt-get update; where Debian has no such packages: rustup target add wasm32-unknown-unknown";
    let done = Command::new("apt-get")
        .args(["download", "--quiet"])
        .args(PACKAGES)
        .current_dir(debs.path())
        .status()
        .with_context(|| format!("apt-get does not start\n  {fix}"))?;
    if !done.success() {
        bail!("apt-get could not download {}\n  {fix}", PACKAGES.join(", "));
    }
    for deb in std::fs::read_dir(debs.path())? {
        let unpacked = Command::new("dpkg").arg("-x").arg(deb?.path()).arg(&dir).status()?;
        if !unpacked.success() {
            bail!("dpkg could not unpack a package\n  {fix}");
        }
    }
    Ok(())
}

/// Builds a lab and writes `theme/labs/NAME.wasm`, with what it was made from beside it.
///
/// # Errors
/// When there is no compiler for it, when it does not compile, or when it needs what a lab may not need.
pub fn build(root: &Root, config: &Config, name: &str) -> Result<Made> {
    let dir = package(root, config, name).map_err(|e| anyhow::anyhow!("{e}\n  fix: correct the name"))?;
    let inputs = inputs(root, config, name).map_err(|e| anyhow::anyhow!("{e}\n  fix: take it out"))?;
    let compiler = Compiler::find(root)?;
    let work = std::path::absolute(root.work())?.join("labs").join(name);
    std::fs::create_dir_all(&work)?;
    std::fs::write(work.join("door.rs"), DOOR)?;
    let manifest = format!(
        "[package]\nname = \"{name}-door\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"door.rs\"\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nlab = {{ package = {name:?}, path = {:?} }}\n\n[workspace]\n\n{PROFILE}",
        std::path::absolute(root.join(&dir))?
    );
    std::fs::write(work.join("Cargo.toml"), manifest)?;
    // One for all labs: the standard library may have to be compiled, too.
    let target = work.with_file_name("target");
    let mut command = cargo(root);
    command
        .args(["build", "--release", "--quiet", "--target", TARGET, "--manifest-path"])
        .arg(work.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target);
    compiler.set(&mut command, root)?;
    if !command.status().context("cargo does not start")?.success() {
        bail!(
            "{dir} does not compile to WebAssembly; cargo's words stand above\n  fix: correct it, then {}",
            mend(name)
        );
    }
    let wasm = std::fs::read(
        target
            .join(TARGET)
            .join(format!("release/{}_door.wasm", name.replace('-', "_"))),
    )?;
    let made = Made {
        inputs,
        wasm: sha256(&wasm),
        compiler: compiler.version()?,
        bytes: wasm.len(),
        gzip: gzipped(&wasm),
    };
    std::fs::create_dir_all(root.join(FOLDER))?;
    std::fs::write(root.join(&path(name)), &wasm)?;
    let text = format!("# Written by `{}`.\n{}", mend(name), toml::to_string(&made)?);
    std::fs::write(root.join(&format!("{FOLDER}/{name}.toml")), text)?;
    Ok(made)
}
