//! Packages of Debian, through the machine's own apt configuration: no mirror is named here.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::logged;

/// What an engine consists of. Debian 12's are too old; these install cleanly on it from Debian 13.
pub const ENGINE: [&str; 5] = [
    "docker.io",
    "docker-cli",
    "docker-buildx",
    "docker-compose",
    "containerd",
];

/// Releases whose own engine is too old, and the one to take it from.
const TOO_OLD: [(&str, &str); 1] = [("bookworm", "trixie")];

/// The suite that has a kind which knows the book's Kubernetes, and a kubectl to match. Both are programs of one file,
/// which need nothing of a newer release.
pub const KIND: &str = "sid";

/// The packages that a newer suite is used for, and the priority of all its others: below every other suite's, so
/// that nothing else comes from it.
fn wanted_from(suite: &str) -> (&'static [&'static str], u32, &'static str) {
    match suite {
        KIND => (&["kind", "kubectl"], 50, "/etc/apt/preferences.d/book-kind"),
        _ => (&ENGINE, 100, "/etc/apt/preferences.d/book-docker"),
    }
}

/// The release that an engine has to be taken from, when it is not the machine's own.
pub fn newer_suite(codename: &str) -> Option<&'static str> {
    TOO_OLD.iter().find(|(old, _)| *old == codename).map(|(_, new)| *new)
}

const SOURCES: &str = "/etc/apt/sources.list.d";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Installs packages, without what they only recommend. `suite` is a newer release to take the engine's or kind's
/// packages from; nothing else will come from there unless it is asked for by name.
pub fn install(names: &[String], suite: Option<&str>, logs: &Path) -> Result<String> {
    update(logs)?;
    if let Some(suite) = suite {
        add_suite(suite)?;
        update(logs)?;
    }
    let mut apt = apt_get(&["install", "--yes", "--no-install-recommends"]);
    let log = logs.join(format!(
        "install-{}.log",
        names.first().map_or("nothing", String::as_str)
    ));
    logged(apt.args(names), &log, Duration::from_secs(900))
        .with_context(|| format!("apt-get install {}", names.join(" ")))
        .context("a package could not be installed; see below, mend apt, then run `cargo book setup` again")?;
    Ok(String::new())
}

fn update(logs: &Path) -> Result<()> {
    logged(
        &mut apt_get(&["update"]),
        &logs.join("apt-get-update.log"),
        Duration::from_secs(300),
    )
    .context("apt's lists could not be brought up to date; fix: see below, and try `apt-get update`")
}

fn apt_get(args: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-o", "DPkg::Lock::Timeout=120"])
        .args(args);
    apt
}

/// Tells apt of a newer release of Debian, at the mirror that it already uses, and pins all but the wanted packages
/// down.
fn add_suite(suite: &str) -> Result<()> {
    let out = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(SITE) $(CODENAME) $(COMPONENT)",
            "Created-By: Packages",
        ])
        .output()
        .context("apt-get indextargets")?;
    let known = String::from_utf8_lossy(&out.stdout).into_owned();
    let mirror = mirror(&known).context(
        "apt knows no mirror of Debian's main archive\n  fix: name one in /etc/apt/sources.list.d/debian.sources, then run cargo book setup",
    )?;
    let signed = if Path::new(KEYRING).exists() {
        format!("Signed-By: {KEYRING}\n")
    } else {
        String::new()
    };
    let sources = format!("Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n{signed}");
    // The pin first: the suite must never be in apt's view without it.
    let (_, _, pins) = wanted_from(suite);
    fs::write(pins, preferences(suite)).context(pins)?;
    let file = format!("{SOURCES}/book-{suite}.sources");
    if known.lines().any(|l| l.split_whitespace().nth(1) == Some(suite)) && !Path::new(&file).exists() {
        return Ok(()); // the machine has this suite by its own configuration
    }
    fs::write(&file, sources).context(file)
}

/// Whose main archive is Debian's; those of updates and security have other names.
const RELEASES: [&str; 4] = ["bookworm", "trixie", "forky", "sid"];

/// The URI of Debian's main archive among lines of `URI codename component`.
fn mirror(known: &str) -> Option<String> {
    known.lines().find_map(|line| {
        let [uri, codename, component] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        let main = component == "main" && RELEASES.contains(&codename);
        main.then(|| uri.to_owned())
    })
}

fn preferences(suite: &str) -> String {
    let (packages, others, _) = wanted_from(suite);
    format!(
        "Package: *\nPin: release n={suite}\nPin-Priority: {others}\n\nPackage: {}\nPin: release n={suite}\nPin-Priority: 900\n",
        packages.join(" ")
    )
}

/// Checks that recipes which run on the machine itself can: Debian, as root. Installs the packages that they need.
pub fn for_recipe(debian: bool, root: bool, packages: &[String], logs: &Path) -> Result<()> {
    if !debian || !root {
        bail!(
            "its recipe runs on Debian as root only, and this is {}\n  fix: give this machine a network on which `docker pull` works, or run `cargo book setup` as root on Debian",
            if debian { "not root" } else { "not Debian" }
        );
    }
    let missing: Vec<String> = packages.iter().filter(|p| !installed(p)).cloned().collect();
    if !missing.is_empty() {
        install(&missing, None, logs)?;
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|out| out.stdout == b"installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_apt_uses() {
        let known = "http://security.example/ bookworm-security main\nhttp://m.example/debian bookworm-updates main\n\
                     http://other.example nodistro main\nhttp://m.example/debian bookworm main\n";
        assert_eq!(mirror(known).as_deref(), Some("http://m.example/debian"));
        assert_eq!(mirror("http://other.example nodistro main\n"), None);
    }

    #[test]
    fn only_the_engine_comes_from_the_newer_suite() {
        let text = preferences("trixie");
        assert!(
            text.starts_with("Package: *\nPin: release n=trixie\nPin-Priority: 100\n"),
            "{text}"
        );
        assert!(
            text.contains("docker-buildx docker-compose containerd\nPin: release n=trixie\nPin-Priority: 900"),
            "{text}"
        );
    }

    #[test]
    fn only_kind_and_kubectl_come_from_unstable() {
        assert_eq!(
            preferences(KIND),
            "Package: *\nPin: release n=sid\nPin-Priority: 50\n\nPackage: kind kubectl\nPin: release n=sid\nPin-Priority: 900\n"
        );
    }

    #[test]
    fn a_recipe_of_the_machine_says_where_it_can_run() {
        let error = for_recipe(false, true, &[], Path::new("/nowhere"))
            .expect_err("not Debian")
            .to_string();
        assert!(error.contains("this is not Debian\n  fix: "), "{error}");
        assert!(for_recipe(true, true, &[], Path::new("/nowhere")).is_ok());
    }
}
