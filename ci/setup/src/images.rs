//! `docker/images.toml`: every image of the book, once. What it says, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::Lane;

/// Where images are listed, relative to the book's root.
pub const FILE: &str = "docker/images.toml";

/// Part of every key: changes when the way of building does.
const BUILDER: &str = "book-setup 1";

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The upstream reference, with tag.
    pub name: String,
    /// What its version must begin with.
    pub version: String,
    /// How evidence calls it.
    pub title: String,
    /// How it is built where it cannot be pulled.
    pub recipe: Option<Recipe>,
    /// How it tells its version.
    pub smoke: Smoke,
    /// Whether it is brought only when it is asked for by name.
    pub optional: bool,
    /// The lane that needs it.
    pub lane: Lane,
    /// What building its recipe costs a bare machine.
    pub cost: Option<Cost>,
    /// The line of its entry in `docker/images.toml`.
    pub line: usize,
}

/// What building an image took on a bare machine with two cores, its bases not counted. No part of an image's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Time.
    pub seconds: u32,
    /// The image's size, 10^6 bytes.
    pub megabytes: u32,
}

/// How an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What it builds from, in words.
    pub built_from: String,
    /// Variables of a `build.sh`, build arguments of a `Dockerfile`.
    pub args: BTreeMap<String, String>,
    /// Debian packages that it needs on the machine.
    pub packages: Vec<String>,
    /// The images that it starts from.
    pub bases: Vec<String>,
    /// SHA-256 over all that decides what is built, hexadecimal.
    pub hash: String,
}

impl Recipe {
    /// Whether it runs on the machine itself, and not inside the engine.
    pub fn on_machine(&self) -> bool {
        self.folder.join("build.sh").is_file()
    }
}

/// What an image must be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Smoke {
    /// Run this and print its version.
    Command(Vec<String>),
    /// Hold this file, with its version in it: nothing runs in it by itself.
    File(String),
}

/// What is wrong with `docker/images.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}\n  fix: {fix}")]
pub struct ImagesError {
    /// Relative to the book's root.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In plain words.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    image: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: Spanned<String>,
    version: Spanned<String>,
    title: String,
    recipe: Option<Spanned<String>>,
    built_from: Option<String>,
    #[serde(default)]
    args: BTreeMap<String, String>,
    #[serde(default)]
    packages: Vec<String>,
    smoke: Option<Vec<String>>,
    smoke_file: Option<String>,
    #[serde(default)]
    optional: bool,
    lane: Option<Spanned<String>>,
    cost: Option<Cost>,
}

/// The images of the book below `root`, in the order of the file. None when there is no file.
///
/// # Errors
/// The first thing that is wrong with the file, with its line and what to write instead.
pub fn images(root: &Path) -> Result<Vec<Image>, ImagesError> {
    let file = root.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => parse(&text, &root.join("docker")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(ImagesError {
            file: FILE.into(),
            line: 1,
            what: e.to_string(),
            fix: format!("make {FILE} a readable file of UTF-8"),
        }),
    }
}

/// Of all images those that a set-up has to bring: every one that is not optional, and of the others the `asked` ones
/// with those that they are built from.
///
/// # Errors
/// When an asked name is not listed, with the names that are.
pub fn wanted(images: Vec<Image>, asked: &[String]) -> Result<Vec<Image>, ImagesError> {
    let mut names: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    if let Some(name) = names.iter().find(|name| !images.iter().any(|i| i.name == **name)) {
        let known: Vec<&str> = images.iter().map(|i| i.name.as_str()).collect();
        return Err(ImagesError {
            file: FILE.into(),
            line: 1,
            what: format!("no image is called `{name}`"),
            fix: format!("ask for one of: {}", known.join(", ")),
        });
    }
    // What an image starts from is listed above it.
    for image in images.iter().rev() {
        if names.contains(image.name.as_str()) {
            names.extend(image.recipe.iter().flat_map(|r| &r.bases).map(String::as_str));
        }
    }
    let wanted: Vec<bool> = images
        .iter()
        .map(|i| !i.optional || names.contains(i.name.as_str()))
        .collect();
    let kept = images
        .into_iter()
        .zip(wanted)
        .filter_map(|(image, wanted)| wanted.then_some(image));
    Ok(kept.collect())
}

fn parse(text: &str, docker: &Path) -> Result<Vec<Image>, ImagesError> {
    let error = |span: Range<usize>, what: String, fix: String| ImagesError {
        file: FILE.into(),
        line: text[..span.start.min(text.len())].matches('\n').count() + 1,
        what,
        fix,
    };
    let listed: Listed = toml::from_str(text).map_err(|e| {
        let what = e.message().trim().replace('\n', "; ");
        error(e.span().unwrap_or(0..0), what.clone(), advice(&what))
    })?;

    let mut images: Vec<Image> = Vec::new();
    for entry in listed.image {
        let span = entry.span();
        let entry = entry.into_inner();
        let (name_span, name) = (entry.name.span(), entry.name.into_inner());
        if !name.rsplit('/').next().is_some_and(|last| last.contains(':')) || name.contains(char::is_whitespace) {
            let fix = format!("write the tag: name = \"{}:TAG\"", name.trim());
            return Err(error(
                name_span,
                format!("`{name}` names no tag, so it may be another image tomorrow"),
                fix,
            ));
        }
        if images.iter().any(|known| known.name == name) {
            return Err(error(
                name_span,
                format!("`{name}` is listed twice"),
                "keep one of the two entries".into(),
            ));
        }
        if entry.version.get_ref().trim().is_empty() {
            let fix = "write what the version begins with, such as version = \"13.\"".into();
            return Err(error(
                entry.version.span(),
                format!("`{name}` is not pinned to a version"),
                fix,
            ));
        }
        let smoke = match (entry.smoke, entry.smoke_file) {
            (Some(command), None) if !command.is_empty() => Smoke::Command(command),
            (None, Some(file)) => Smoke::File(file),
            _ => {
                let fix = "write one of smoke = [\"PROGRAM\", \"--version\"] and smoke-file = \"/etc/debian_version\"";
                return Err(error(
                    span,
                    format!("`{name}` has no way to tell its version"),
                    fix.into(),
                ));
            }
        };
        let lane = match entry.lane.as_ref().map(|lane| lane.get_ref().as_str()) {
            None | Some("docker") => Lane::Docker,
            Some("kind") => Lane::Kind,
            Some(other) => {
                let what = format!("`{name}` is for a lane `{other}`, which has no images");
                let at = entry.lane.as_ref().map_or(span, Spanned::span);
                return Err(error(at, what, "write lane = \"docker\" or lane = \"kind\"".into()));
            }
        };
        let recipe = match entry.recipe {
            None => None,
            Some(recipe) => {
                let (at, folder) = (recipe.span(), docker.join(recipe.get_ref()));
                let Some(built_from) = entry.built_from else {
                    let fix = "write built-from = \"Debian packages\", or what it is built from".into();
                    return Err(error(
                        at,
                        format!("the recipe of `{name}` does not say what it builds from"),
                        fix,
                    ));
                };
                let mut recipe = Recipe {
                    folder,
                    built_from,
                    args: entry.args,
                    packages: entry.packages,
                    bases: Vec::new(),
                    hash: String::new(),
                };
                recipe.bases = bases(&recipe.folder).map_err(|what| {
                    error(
                        at.clone(),
                        what,
                        format!(
                            "name a folder below docker/ with a Dockerfile or a build.sh; there are: {}",
                            folders(docker)
                        ),
                    )
                })?;
                let mut keys = Vec::new();
                for base in &recipe.bases {
                    match images.iter().find(|known| known.name == *base) {
                        Some(known) if known.optional && !entry.optional => {
                            let what = format!("`{name}` is built from `{base}`, which is optional");
                            let fix = format!("take `optional` out of the entry for `{base}`, or write it here too");
                            return Err(error(at, what, fix));
                        }
                        Some(known) => keys.push(known.recipe.as_ref().map_or(base.clone(), |r| r.hash.clone())),
                        None => {
                            let what = format!("`{name}` is built from `{base}`, which is not listed above it");
                            return Err(error(at, what, format!("write an entry for `{base}` before this one")));
                        }
                    }
                }
                recipe.hash = hash(&name, entry.version.get_ref(), &smoke, &recipe, &keys).map_err(|e| {
                    error(
                        at,
                        format!("its recipe cannot be read: {e}"),
                        "make its files readable".into(),
                    )
                })?;
                Some(recipe)
            }
        };
        let line = error(name_span, String::new(), String::new()).line;
        images.push(Image {
            name,
            version: entry.version.into_inner(),
            title: entry.title,
            recipe,
            smoke,
            optional: entry.optional,
            lane,
            cost: entry.cost,
            line,
        });
    }
    Ok(images)
}

/// What to write instead of something that TOML or the format does not take.
fn advice(what: &str) -> String {
    let example = "[[image]] with name, version, title, smoke, and recipe with built-from where there is one";
    if what.contains("expected a string") {
        "write it in quotes".into()
    } else if what.contains("unknown field `image") || what.contains("invalid type") {
        format!("write {example}")
    } else if what.contains("missing field") {
        format!("add it; an entry is {example}")
    } else if what.contains("unknown field") {
        "take it out, or write one of those names".into()
    } else {
        "write valid TOML; the head of the file says what an entry holds".into()
    }
}

fn folders(docker: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(docker)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

/// The images that a recipe starts from, without its own stages. An error when the folder is no recipe.
fn bases(folder: &Path) -> Result<Vec<String>, String> {
    if folder.join("build.sh").is_file() {
        return Ok(Vec::new());
    }
    let Ok(text) = fs::read_to_string(folder.join("Dockerfile")) else {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        return Err(format!("there is no recipe docker/{name}"));
    };
    let mut stages = vec!["scratch".to_owned()];
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().filter(|w| !w.starts_with("--"));
        if !words.next().is_some_and(|w| w.eq_ignore_ascii_case("from")) {
            continue;
        }
        let name = words.next().unwrap_or_default().to_owned();
        if !stages.contains(&name) && !found.contains(&name) {
            found.push(name);
        }
        stages.extend(words.nth(1).map(str::to_owned));
    }
    Ok(found)
}

/// SHA-256 over the entry, the recipe's files and the keys of what it starts from.
fn hash(name: &str, version: &str, smoke: &Smoke, recipe: &Recipe, bases: &[String]) -> std::io::Result<String> {
    let mut sha = Sha256::new();
    // Lengths before contents: no two recipes read the same.
    let mut add = |bytes: &[u8]| {
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    let entry = format!(
        "{BUILDER}\n{name}\n{version}\n{smoke:?}\n{}\n{:?}\n{bases:?}",
        recipe.built_from, recipe.args
    );
    add(entry.as_bytes());
    for file in files(&recipe.folder)? {
        let path = file
            .strip_prefix(&recipe.folder)
            .unwrap_or(&file)
            .to_string_lossy()
            .replace('\\', "/");
        add(path.as_bytes());
        add(&fs::read(&file)?);
    }
    Ok(sha.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("debian/build.sh", "true"),
            ("rust/Dockerfile", "FROM debian:13 AS a\nFROM a\n"),
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        dir
    }

    const DEBIAN: &str = "[[image]]\nname = \"debian:13\"\nversion = \"13.\"\ntitle = \"Debian\"\nrecipe = \"debian\"\nbuilt-from = \"Debian packages\"\nsmoke = [\"true\"]\n";
    const RUST: &str = "[[image]]\nname = \"rust:1\"\nversion = \"1.\"\ntitle = \"Rust\"\nrecipe = \"rust\"\nbuilt-from = \"Debian packages\"\nsmoke-file = \"/v\"\n";

    #[test]
    fn entries_are_read_with_their_lines() {
        let dir = folder();
        let images = parse(&format!("# head\n{DEBIAN}{RUST}"), dir.path()).expect("images");
        assert_eq!(
            images.iter().map(|i| (i.name.as_str(), i.line)).collect::<Vec<_>>(),
            [("debian:13", 3), ("rust:1", 10)]
        );
        assert!(images[0].recipe.as_ref().is_some_and(Recipe::on_machine));
        assert!(!images[1].recipe.as_ref().is_some_and(Recipe::on_machine));
        assert_eq!(images[1].smoke, Smoke::File("/v".into()));
    }

    #[test]
    fn a_key_changes_with_all_that_decides_what_is_built() {
        let dir = folder();
        let keys = |text: &str| -> Vec<String> {
            parse(text, dir.path())
                .expect("images")
                .into_iter()
                .filter_map(|i| Some(i.recipe?.hash))
                .collect()
        };
        let both = format!("{DEBIAN}{RUST}");
        let first = keys(&both);
        assert_eq!(keys(&both), first);
        let args = keys(&both.replace("smoke-file", "args = { A = \"1\" }\nsmoke-file"));
        assert_eq!((args[0] == first[0], args[1] == first[1]), (true, false));
        let pin = keys(&both.replace("\"13.\"", "\"13.1\""));
        assert!(
            pin[0] != first[0] && pin[1] != first[1],
            "what starts from a changed image has changed"
        );
        fs::write(dir.path().join("rust/extra"), "").expect("a file");
        assert_ne!(keys(&both)[1], first[1]);
    }

    #[test]
    fn an_optional_image_is_wanted_when_it_is_asked_for_and_brings_what_it_is_built_from() {
        let dir = folder();
        let optional = |entry: &str| entry.replace("title", "optional = true\ntitle");
        let other = DEBIAN.replace("debian:13", "debian:12");
        let text = [optional(DEBIAN), other, optional(RUST)].concat();
        let wanted = |asked: &[&str]| {
            let images = parse(&text, dir.path()).expect("images");
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            let wanted = super::wanted(images, &asked)?;
            Ok::<_, ImagesError>(wanted.into_iter().map(|i| i.name).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(wanted(&[]).as_deref(), Ok("debian:12"));
        assert_eq!(wanted(&["debian:13"]).as_deref(), Ok("debian:13 debian:12"));
        assert_eq!(wanted(&["rust:1"]).as_deref(), Ok("debian:13 debian:12 rust:1"));
        let error = wanted(&["rust:2"]).expect_err("no such image").to_string();
        assert_eq!(
            error,
            "docker/images.toml:1: no image is called `rust:2`\n  fix: ask for one of: debian:13, debian:12, rust:1"
        );
    }

    #[test]
    fn an_image_does_not_change_by_becoming_wanted_or_by_what_it_costs() {
        let dir = folder();
        let key = |text: &str| {
            parse(text, dir.path()).expect("images")[0]
                .recipe
                .clone()
                .expect("a recipe")
                .hash
        };
        assert_eq!(key(DEBIAN), key(&DEBIAN.replace("title", "optional = true\ntitle")));
        let priced = format!("{DEBIAN}cost = {{ seconds = 35, megabytes = 79 }}\n");
        assert_eq!(key(DEBIAN), key(&priced));
        let cost = Cost {
            seconds: 35,
            megabytes: 79,
        };
        assert_eq!(parse(&priced, dir.path()).expect("images")[0].cost, Some(cost));
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_cure() {
        let dir = folder();
        let cases = [
            ("[[image]\nname = 1\n".to_owned(), 1, "", "write valid TOML"),
            (
                "\n[[images]]\nname = \"a:1\"\n".to_owned(),
                2,
                "unknown field `images`",
                "[[image]]",
            ),
            (
                DEBIAN.replace("title", "titel"),
                4,
                "unknown field `titel`",
                "one of those names",
            ),
            (
                DEBIAN.replace("title = \"Debian\"\n", ""),
                1,
                "missing field `title`",
                "add it",
            ),
            (
                DEBIAN.replace("\"debian:13\"", "13"),
                2,
                "invalid type: integer `13`",
                "in quotes",
            ),
            ("image = 1\n".to_owned(), 1, "invalid type", "[[image]]"),
            (
                DEBIAN.replace("debian:13", "debian"),
                2,
                "`debian` names no tag",
                "name = \"debian:TAG\"",
            ),
            (
                DEBIAN.replace("debian:13", "host:5000/debian"),
                2,
                "names no tag",
                ":TAG",
            ),
            (
                format!("{DEBIAN}{DEBIAN}"),
                9,
                "`debian:13` is listed twice",
                "keep one",
            ),
            (DEBIAN.replace("\"13.\"", "\"\""), 3, "not pinned", "version = \"13.\""),
            (
                DEBIAN.replace("smoke = [\"true\"]\n", ""),
                1,
                "no way to tell its version",
                "smoke = [",
            ),
            (
                DEBIAN.replace("\"debian\"", "\"debain\""),
                5,
                "there is no recipe docker/debain",
                "there are: debian, rust",
            ),
            (
                DEBIAN.replace("built-from = \"Debian packages\"\n", ""),
                5,
                "does not say what it builds from",
                "built-from =",
            ),
            (
                format!("{DEBIAN}lane = \"kin\"\n"),
                8,
                "for a lane `kin`",
                "lane = \"kind\"",
            ),
            (
                RUST.to_owned(),
                5,
                "`rust:1` is built from `debian:13`, which is not listed above it",
                "before this one",
            ),
            (
                format!("{}{RUST}", DEBIAN.replace("title", "optional = true\ntitle")),
                13,
                "`rust:1` is built from `debian:13`, which is optional",
                "take `optional` out",
            ),
        ];
        for (text, line, what, fix) in cases {
            let error = parse(&text, dir.path()).expect_err(&text);
            assert_eq!((error.line, error.file.as_str()), (line, FILE), "{error}");
            assert!(error.what.contains(what), "{error}");
            assert!(error.fix.contains(fix), "{error}");
        }
    }

    #[test]
    fn the_message_reads_as_a_place_and_a_cure() {
        let dir = folder();
        let error = parse(&DEBIAN.replace("debian:13", "debian"), dir.path()).expect_err("no tag");
        assert_eq!(
            error.to_string(),
            "docker/images.toml:2: `debian` names no tag, so it may be another image tomorrow\n  fix: write the tag: name = \"debian:TAG\""
        );
    }

    #[test]
    fn a_book_without_the_file_has_no_images() {
        assert_eq!(images(Path::new("/nowhere")), Ok(Vec::new()));
    }
}
