//! Images: present, else pulled, else built; and what each truly is.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command::{QUESTION, ask, logged};
use crate::debian;
use crate::images::{Image, Recipe, Smoke};
use crate::observe::{Observed, Present};

/// Label: the key of the recipe that an image was built from.
const RECIPE: &str = "book.recipe";
/// Label: what a stand-in is, in the words of the evidence.
const TRUTH: &str = "book.truth";
/// Label: the version that the image's own program printed.
const VERSION: &str = "book.version";
/// Label: what a stand-in was built from, in words.
const BUILT_FROM: &str = "book.built-from";

/// A registry that says nothing for this long is out of reach.
const REGISTRY: Duration = Duration::from_secs(15);
/// A new image says its version within this.
const SMOKE: Duration = Duration::from_secs(120);
/// Longest pull or build.
const LONG: Duration = Duration::from_secs(1800);

/// What an image on this machine really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTruth {
    /// The name it goes by.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A registry.
    Pulled {
        /// `debian@sha256:…`.
        digest: String,
    },
    /// Built here, under the upstream name.
    StandIn {
        /// As its own program printed it.
        version: String,
        /// In words.
        built_from: String,
        /// The key of its recipe.
        recipe: String,
        /// All of it, in the words of the evidence.
        truth: String,
    },
    /// Made or loaded by somebody, who left no word of it.
    Unknown,
}

impl fmt::Display for ImageTruth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Pulled { digest } => write!(f, "pulled, {digest}"),
            Origin::StandIn { truth, .. } => f.write_str(truth),
            Origin::Unknown => write!(f, "made by hand on this machine, {}", self.id),
        }
    }
}

/// What the engine's image of that name really is, for the evidence. `None` when it has none, or does not answer.
pub fn image_truth(name: &str) -> Option<ImageTruth> {
    inspect([name].into_iter())
        .into_iter()
        .find_map(|found| found.truth(name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Inspected {
    /// The truth, if the image goes by that name.
    fn truth(&self, name: &str) -> Option<ImageTruth> {
        let tags = self.repo_tags.iter().flatten();
        tags.clone().find(|tag| familiar(tag) == familiar(name))?;
        let label = |key| self.config.as_ref()?.labels.as_ref()?.get(key).cloned();
        let digest = self.repo_digests.iter().flatten().next().cloned();
        // The label first: some engines give digests to what they built, too.
        let origin = match (label(RECIPE), digest) {
            (Some(recipe), _) => Origin::StandIn {
                version: label(VERSION).unwrap_or_default(),
                built_from: label(BUILT_FROM).unwrap_or_default(),
                recipe,
                truth: label(TRUTH).unwrap_or_default(),
            },
            (None, Some(digest)) => Origin::Pulled { digest },
            (None, None) => Origin::Unknown,
        };
        Some(ImageTruth {
            name: name.to_owned(),
            id: self.id.clone(),
            origin,
        })
    }
}

/// A reference as engines print it: without the parts that are implied.
fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn inspect<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Inspected> {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Vec::new();
    }
    // It prints what it found and fails for the rest.
    let out = ask(Command::new("docker").args(["image", "inspect"]).args(names), QUESTION);
    out.and_then(|out| serde_json::from_slice(&out.stdout).ok())
        .unwrap_or_default()
}

/// Which of the images the engine has.
pub fn present<'a>(names: impl Iterator<Item = &'a str> + Clone) -> BTreeMap<String, Present> {
    let found = inspect(names.clone());
    names
        .filter_map(|name| {
            let truth = found.iter().find_map(|image| image.truth(name))?;
            let words = truth.to_string();
            let recipe = match truth.origin {
                Origin::StandIn { recipe, .. } => Some(recipe),
                _ => None,
            };
            Some((
                name.to_owned(),
                Present {
                    id: truth.id,
                    recipe,
                    truth: words,
                },
            ))
        })
        .collect()
}

/// Brings images to the engine. Remembers which registries are out of reach.
pub struct Builder<'a> {
    root: &'a Path,
    images: &'a [Image],
    logs: &'a Path,
    unreachable: BTreeMap<String, String>,
}

impl<'a> Builder<'a> {
    /// For one set-up.
    pub fn new(root: &'a Path, images: &'a [Image], logs: &'a Path) -> Builder<'a> {
        Builder {
            root,
            images,
            logs,
            unreachable: BTreeMap::new(),
        }
    }

    /// Takes the image if the engine has it, else pulls it, else builds it. Says which.
    pub fn provide(&mut self, name: &str) -> Result<String> {
        let images = self.images;
        let image = images
            .iter()
            .find(|i| i.name == name)
            .with_context(|| format!("{name} is not in {}\n  fix: add it there", crate::images::FILE))?;
        let there = present([name].into_iter()).remove(name);
        match (&there, &image.recipe) {
            (
                Some(Present {
                    recipe: Some(built), ..
                }),
                Some(recipe),
            ) if *built != recipe.hash => {
                return self.build(image, recipe, there.as_ref());
            }
            (Some(_), _) => return Ok("present".into()),
            (None, _) => {}
        }
        let refused = match self.pull(name) {
            Ok(()) => return Ok("pulled".into()),
            Err(error) => error,
        };
        match &image.recipe {
            // When both fail, a reader needs both reasons.
            Some(recipe) => self
                .build(image, recipe, None)
                .with_context(|| format!("{refused:#}; building it instead")),
            None => bail!("{refused:#}\n  fix: give this machine a network on which `docker pull {name}` works"),
        }
    }

    fn pull(&mut self, name: &str) -> Result<()> {
        let registry = registry(name);
        if let Some(why) = self.unreachable.get(registry) {
            bail!("{registry} is out of reach: {why}");
        }
        let log = self.logs.join("pull.log");
        let file = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let mut child = Command::new("docker")
            .args(["pull", name])
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("docker")?;
        let begun = Instant::now();
        let pulled = loop {
            if let Some(status) = child.try_wait()? {
                break status.success();
            }
            let silent = log.metadata().is_ok_and(|m| m.len() == 0);
            if begun.elapsed() > LONG || silent && begun.elapsed() > REGISTRY {
                child.kill()?;
                child.wait()?;
                break false;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if pulled {
            return Ok(());
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        let why = match said.lines().rfind(|l| !l.trim().is_empty()) {
            Some(line) => line.trim().to_owned(),
            None => format!("no answer in {} s", REGISTRY.as_secs()),
        };
        if !answered(&why) {
            self.unreachable.insert(registry.to_owned(), why.clone());
        }
        bail!("docker pull {name}: {why}")
    }

    /// Builds under a name of its own, tries the image, and only then gives it the upstream name, with its labels.
    fn build(&self, image: &Image, recipe: &Recipe, old: Option<&Present>) -> Result<String> {
        let plain: String = image
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let raw = format!("book-setup/{plain}:{}", &recipe.hash[..12]);
        let log = self.logs.join(format!("{plain}.log"));
        let built = self.build_raw(recipe, &raw, &log).and_then(|()| {
            let said = smoke(&raw, &image.smoke)?;
            let word = version_word(&said, &image.version).with_context(|| {
                format!(
                    "docker/images.toml:{}: `{}` is pinned to {}, and its recipe now gives: {}\n  fix: write the new version there, and in what is built on it",
                    image.line,
                    image.name,
                    image.version,
                    said.lines().next().unwrap_or_default()
                )
            })?;
            let built_from = second_and_last_line(&said).unwrap_or(&recipe.built_from);
            let truth = truth_words(image, word, built_from);
            self.label(&raw, image, &[(RECIPE, &recipe.hash), (VERSION, word), (BUILT_FROM, built_from), (TRUTH, &truth)])?;
            Ok(format!("built from {built_from}: {} {word}", image.title))
        });
        // The layers stay, they are the image's; only the working name goes.
        remove(&raw);
        if let (
            Ok(_),
            Some(Present {
                id, recipe: Some(_), ..
            }),
        ) = (&built, old)
        {
            remove(id);
        }
        built
    }

    fn build_raw(&self, recipe: &Recipe, raw: &str, log: &Path) -> Result<()> {
        let machine = machine_folder()?;
        let mut command = if recipe.on_machine() {
            let seen = Observed::now(self.root, &[], &[]);
            debian::for_recipe(seen.debian.is_some(), seen.root, &recipe.packages, self.logs)?;
            let mut bash = Command::new("bash");
            bash.arg("build.sh")
                .envs(&recipe.args)
                .env("IMAGE", raw)
                .env("MACHINE", machine.path());
            bash
        } else {
            let mut docker = Command::new("docker");
            docker.args(["buildx", "build", "--load", "--progress=plain", "--tag", raw]);
            docker.arg(format!("--build-context=machine={}", machine.path().display()));
            for (name, value) in &recipe.args {
                docker.arg(format!("--build-arg={name}={value}"));
            }
            docker.arg(".");
            docker
        };
        let folder = recipe.folder.strip_prefix(self.root).unwrap_or(&recipe.folder);
        logged(command.current_dir(&recipe.folder), log, LONG).map_err(|e| {
            anyhow::anyhow!(
                "{e:#}\n  fix: mend {}, or give this machine the network that it needs",
                folder.display()
            )
        })
    }

    /// Gives the image its upstream name, with what is known of it.
    fn label(&self, raw: &str, image: &Image, labels: &[(&str, &str)]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("Dockerfile"), format!("FROM {raw}\n"))?;
        let mut docker = Command::new("docker");
        docker.args([
            "buildx",
            "build",
            "--load",
            "--progress=plain",
            "--provenance=false",
            "--tag",
            &image.name,
        ]);
        for (key, value) in labels {
            docker.arg(format!("--label={key}={value}"));
        }
        logged(
            docker.arg(folder.path()),
            &self.logs.join("label.log"),
            Duration::from_secs(300),
        )
        .context("the built image cannot be labelled; fix: read the lines below, then cargo book setup")
    }
}

/// `Debian 13.2, built from Debian packages, standing in for `debian:trixie-slim``.
fn truth_words(image: &Image, version: &str, built_from: &str) -> String {
    format!(
        "{} {version}, built from {built_from}, standing in for `{}`",
        image.title, image.name
    )
}

/// What a recipe that knows more than one way says of the one it took: its smoke command prints two lines. The versions
/// that programs print have one, or more than two.
fn second_and_last_line(said: &str) -> Option<&str> {
    let mut lines = said.lines();
    let (_, second, more) = (lines.next()?, lines.next()?.trim(), lines.next());
    (more.is_none() && !second.is_empty()).then_some(second)
}

/// The registry of a reference.
fn registry(name: &str) -> &str {
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// Whether a registry answered, and only this image is not to be had: others may be.
fn answered(why: &str) -> bool {
    ["manifest unknown", "not found", "no matching manifest", "access denied"]
        .iter()
        .any(|w| why.contains(w))
}

/// The word of a program's output that the pinned version begins.
fn version_word<'a>(said: &'a str, pinned: &str) -> Option<&'a str> {
    said.split_whitespace().find(|word| word.starts_with(pinned))
}

/// Tries a new image: what its program prints, or what its file holds.
fn smoke(image: &str, smoke: &Smoke) -> Result<String> {
    let failed = |out: &std::process::Output| {
        anyhow::anyhow!(
            "the new image does not work: {}\n  fix: mend its recipe",
            String::from_utf8_lossy(&out.stderr).trim()
        )
    };
    match smoke {
        Smoke::Command(command) => {
            let (program, args) = command.split_first().context("an empty smoke command")?;
            // A client that is killed leaves its container, which then has to be found.
            let name = image.replace(['/', ':'], "-");
            let mut docker = Command::new("docker");
            docker
                .args(["run", "--rm", "--network=none", "--name", &name])
                .args(["--entrypoint", program, image])
                .args(args);
            let Some(out) = ask(&mut docker, SMOKE) else {
                let _ = Command::new("docker").args(["rm", "--force", &name]).output();
                bail!(
                    "the new image says nothing in {} s\n  fix: mend its recipe",
                    SMOKE.as_secs()
                );
            };
            if !out.status.success() {
                return Err(failed(&out));
            }
            Ok(String::from_utf8_lossy(&out.stdout).into_owned())
        }
        Smoke::File(path) => {
            // Nothing of it runs: a container is created only to read the file, whatever its command would be.
            let made = Command::new("docker")
                .args(["create", "--network=none", image, "none"])
                .output()?;
            if !made.status.success() {
                return Err(failed(&made));
            }
            let id = String::from_utf8_lossy(&made.stdout).trim().to_owned();
            let folder = tempfile::tempdir()?;
            let to = folder.path().join("file");
            let out = Command::new("docker")
                .args(["cp", "--follow-link", &format!("{id}:{path}")])
                .arg(&to)
                .output();
            Command::new("docker").args(["rm", "--force", &id]).output()?;
            let out = out?;
            if !out.status.success() {
                return Err(failed(&out));
            }
            fs::read_to_string(&to).with_context(|| format!("{path} of the new image"))
        }
    }
}

fn remove(image: &str) {
    // Where something still uses it, it stays.
    let _ = Command::new("docker").args(["image", "rm", image]).output();
}

/// The certificates that this machine trusts, in one file.
pub fn bundle() -> Option<PathBuf> {
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let told = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    told.into_iter()
        .chain(usual.map(PathBuf::from))
        .find(|file| file.is_file())
}

/// What a build needs to know of the machine: whom it trusts, and where cargo and Go were told to find packages.
fn machine_folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let bundle =
        bundle().context("this machine has no bundle of CA certificates\n  fix: apt-get install ca-certificates")?;
    fs::copy(&bundle, folder.path().join("ca-certificates.crt")).with_context(|| format!("{}", bundle.display()))?;
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let config = home
        .and_then(|home| fs::read_to_string(home.join("config.toml")).ok())
        .unwrap_or_default();
    fs::write(folder.path().join("cargo-config.toml"), registry_config(&config))?;
    fs::write(
        folder.path().join("go-env"),
        go_env(|name| std::env::var(name).ok(), &go_file()),
    )?;
    Ok(folder)
}

/// The text of the file in which Go keeps settings. It is read without Go, which this machine may lack.
fn go_file() -> String {
    let told = std::env::var_os("GOENV").map(PathBuf::from);
    let usual = || {
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
        Some(config.join("go/env"))
    };
    told.or_else(usual)
        .and_then(|file| fs::read_to_string(file).ok())
        .unwrap_or_default()
}

/// Of Go's settings, what says where modules come from, as lines of such a file. A variable counts more than the file.
fn go_env(variable: impl Fn(&str) -> Option<String>, file: &str) -> String {
    ["GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB"]
        .iter()
        .filter_map(|name| {
            let kept = || file.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='));
            let value = variable(name)
                .filter(|v| !v.is_empty())
                .or_else(|| kept().map(str::to_owned))?;
            // A folder of this machine, which no container has.
            let local = value.split([',', '|']).any(|part| part.starts_with("file:"));
            (!local).then(|| format!("{name}={}\n", value.trim()))
        })
        .collect()
}

/// Of cargo's configuration, what says where crates come from: no tokens, and no paths of this machine.
fn registry_config(config: &str) -> String {
    let Ok(table) = config.parse::<toml::Table>() else {
        return String::new();
    };
    let mut kept: toml::Table = table
        .into_iter()
        .filter(|(key, _)| key == "source" || key == "registries")
        .collect();
    let local = |entry: &toml::Value| {
        ["directory", "local-registry"]
            .iter()
            .any(|key| entry.get(key).is_some())
    };
    for (_, section) in kept.iter_mut() {
        for (_, entry) in section.as_table_mut().into_iter().flatten() {
            if local(entry) {
                return String::new(); // a folder of this machine, which no container has
            }
            if let Some(entry) = entry.as_table_mut() {
                entry.remove("token");
            }
        }
    }
    toml::to_string(&kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(labels: &str, digests: &str) -> Inspected {
        let text = format!(
            r#"{{"Id":"sha256:1","RepoTags":["debian:13"],"RepoDigests":{digests},"Config":{{"Labels":{labels}}}}}"#
        );
        serde_json::from_str(&text).expect("what an engine prints")
    }

    #[test]
    fn a_stand_in_says_so_and_a_pulled_image_gives_its_digest() {
        let labels = r#"{"book.recipe":"k","book.truth":"Debian 13.2, built","book.version":"13.2","book.built-from":"Debian packages"}"#;
        let truth = |labels, digests| {
            inspected(labels, digests)
                .truth("docker.io/library/debian:13")
                .expect("its name")
                .to_string()
        };
        assert_eq!(truth(labels, "[]"), "Debian 13.2, built");
        assert_eq!(
            truth(labels, r#"["debian@sha256:2"]"#),
            "Debian 13.2, built",
            "a stand-in never passes for the original"
        );
        assert_eq!(truth("null", r#"["debian@sha256:2"]"#), "pulled, debian@sha256:2");
        assert_eq!(truth("{}", "null"), "made by hand on this machine, sha256:1");
        assert_eq!(inspected("null", "[]").truth("debian:12"), None);
    }

    #[test]
    fn the_words_of_the_evidence() {
        let image = Image {
            name: "debian:trixie-slim".into(),
            version: "13.".into(),
            title: "Debian".into(),
            recipe: None,
            smoke: Smoke::File("/etc/debian_version".into()),
            optional: false,
            lane: crate::Lane::Docker,
            cost: None,
            line: 1,
        };
        assert_eq!(
            truth_words(&image, "13.2", "Debian packages"),
            "Debian 13.2, built from Debian packages, standing in for `debian:trixie-slim`"
        );
        assert_eq!(
            version_word("rustc 1.96.0 (ac68faa20 2026-05-25)\n", "1.96."),
            Some("1.96.0")
        );
        assert_eq!(version_word("rustc 1.97.0\n", "1.96."), None);
    }

    #[test]
    fn which_way_a_recipe_took_is_a_second_and_last_line() {
        let took = |said| second_and_last_line(said);
        assert_eq!(took("rustc 1.96.0\nDebian packages\n"), Some("Debian packages"));
        for silent in [
            "",
            "13.2\n",
            "13.2\n\n",
            "etcd Version: 3.6.16\nGit SHA: none\nGo Version: go1.26\n",
        ] {
            assert_eq!(took(silent), None, "{silent:?}");
        }
    }

    #[test]
    fn a_silent_registry_is_told_from_a_missing_image() {
        assert_eq!(registry("rust:1.96"), "docker.io");
        assert_eq!(registry("grafana/tempo:2"), "docker.io");
        assert_eq!(registry("gcr.io/distroless/cc:nonroot"), "gcr.io");
        assert_eq!(registry("localhost:5000/a:1"), "localhost:5000");
        assert!(answered(
            "Error response from daemon: manifest for debian:99 not found: manifest unknown"
        ));
        assert!(!answered(
            "Error response from daemon: Get \"https://r/v2/\": dial tcp: lookup r: no such host"
        ));
        assert!(!answered("toomanyrequests: You have reached your pull rate limit"));
    }

    #[test]
    fn of_gos_settings_only_where_modules_come_from_goes_into_an_image() {
        let file = "GOFLAGS=-mod=vendor\nGOPROXY=https://m.example\nGOSUMDB=off\n";
        let none = |_: &str| None;
        assert_eq!(go_env(none, file), "GOPROXY=https://m.example\nGOSUMDB=off\n");
        let told = |name: &str| (name == "GOPROXY").then(|| "https://n.example,direct".to_owned());
        assert_eq!(go_env(told, file), "GOPROXY=https://n.example,direct\nGOSUMDB=off\n");
        assert_eq!(go_env(none, "GOPROXY=file:///cache,off\n"), "");
        assert_eq!(go_env(none, ""), "");
    }

    #[test]
    fn of_cargos_configuration_only_the_registry_goes_into_an_image() {
        let text = "[build]\njobs = 2\n[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"sparse+https://m.example/\"\n[registries.m]\ntoken = \"secret\"\nindex = \"i\"\n";
        let kept = registry_config(text);
        assert!(
            kept.contains("replace-with") && kept.contains("m.example") && kept.contains("index"),
            "{kept}"
        );
        assert!(!kept.contains("secret") && !kept.contains("jobs"), "{kept}");
        assert_eq!(registry_config("[source.v]\ndirectory = \"/vendor\"\n"), "");
        assert_eq!(registry_config("not toml ["), "");
        assert_eq!(registry_config(""), "");
    }
}
