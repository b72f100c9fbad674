//! What there is to run: jobs, made from pages and packages, each with the hashes of all that it is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::evidence::{Hashes, Record, sha256};
use crate::exercise;
use crate::formats;
use crate::model::{Block, Lane, Origin, Root};
use crate::page::{Page, Pages, files_below};
use crate::run::{browser, console};
use crate::widgets::quiz;
use crate::workspace::Workspace;

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs a package's tests of one lane.
    Tests {
        /// The package.
        package: String,
    },
    /// Runs clippy and rustfmt on a package.
    Lint {
        /// The package.
        package: String,
    },
    /// Compiles and runs the Rust that a page writes.
    Snippets {
        /// The page.
        page: String,
    },
    /// Compiles and runs the code of a page's quizzes against their keys.
    Quiz {
        /// The page.
        page: String,
    },
    /// Runs a page's shell sessions.
    Console {
        /// The page.
        page: String,
    },
    /// Parses a page's diagrams.
    Diagrams {
        /// The page.
        page: String,
    },
    /// Reads a page's manifests, queries and protocols as their own tools would.
    Formats {
        /// The page.
        page: String,
    },
    /// Proves an exercise: its starter fails as it should, its solution passes, each hint for a state fires.
    Exercise {
        /// The exercise.
        name: String,
        /// The page with its fence.
        page: String,
    },
    /// Builds the site; its links resolve, its HTML is balanced.
    Site,
    /// Looks at a page in a browser.
    Browser {
        /// The page.
        page: String,
    },
    /// Looks in a browser at what belongs to no single page.
    BrowserSite,
}

/// One unit of work, kept or repeated as a whole.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name in the evidence: `test:links-api:offline`.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// Where it can run.
    pub lane: Lane,
    /// Path → SHA-256 of all that it is made from. A key that starts with `=` is a value, not a file.
    pub inputs: BTreeMap<String, String>,
}

impl Job {
    /// The page whose blocks the job checks itself.
    pub fn page(&self) -> Option<&str> {
        match &self.kind {
            Kind::Snippets { page }
            | Kind::Quiz { page }
            | Kind::Console { page }
            | Kind::Diagrams { page }
            | Kind::Formats { page }
            | Kind::Exercise { page, .. } => Some(page),
            _ => None,
        }
    }

    /// The package that it tests or lints.
    pub fn package(&self) -> Option<&str> {
        match &self.kind {
            Kind::Tests { package } | Kind::Lint { package } => Some(package),
            _ => None,
        }
    }

    /// Why a record no longer speaks of this job: each thing that has changed. Nothing, when it does.
    pub fn changed(&self, record: &Record, hashes: &mut Hashes) -> Vec<String> {
        let new = self
            .inputs
            .iter()
            .filter(|(path, hash)| record.inputs.get(*path) != Some(hash));
        let gone = record.inputs.keys().filter(|path| !self.inputs.contains_key(*path));
        let mut changed: Vec<String> = new
            .map(|(path, _)| path)
            .chain(gone)
            .map(|path| readable(path))
            .collect();
        changed.extend(record.changed(hashes).map(|path| readable(&path)));
        changed.sort();
        changed.dedup();
        changed
    }
}

/// How a block's text is named among the inputs.
pub const BLOCK: &str = "a block of this page";

/// An input's name for people.
fn readable(path: &str) -> String {
    match path.strip_prefix('=') {
        Some(value) => value.split(':').next().unwrap_or(value).to_owned(),
        None => path.to_owned(),
    }
}

/// What identifies a block wherever it stands: language, attributes, text.
pub fn block_hash(block: &Block) -> String {
    sha256(format!("{}\n{:?}\n{}", block.lang, block.attrs, block.text).as_bytes())
}

/// SHA-256 of what a reader sees of a block.
pub fn shown_hash(block: &Block) -> String {
    match block.origin.file() {
        Some(file) => sha256(file.text.as_bytes()),
        None => sha256(block.text.as_bytes()),
    }
}

/// The lane of a console block: its own word, else what its commands need.
pub fn console_lane(block: &Block) -> Lane {
    if let Some(lane) = block.attr("lane").and_then(|word| word.parse().ok()) {
        return lane;
    }
    let words = programs(block);
    if words.contains("kubectl") || words.contains("kind") {
        Lane::Kind
    } else if words.contains("docker") {
        Lane::Docker
    } else {
        Lane::Offline
    }
}

/// Whether a console block's commands start things on a Docker engine.
pub fn uses_engine(block: &Block) -> bool {
    let words = programs(block);
    words.contains("docker") || words.contains("kind")
}

/// The programs that a console block's commands begin with.
fn programs(block: &Block) -> BTreeSet<&str> {
    let commands = block.text.lines().filter_map(|l| l.trim_start().strip_prefix("$ "));
    commands
        .flat_map(|c| c.split(['|', '&', ';', '(', ')']))
        .filter_map(|c| c.split_whitespace().next())
        .collect()
}

/// Every job of the book, in the order in which they are best run: cheap ones first.
pub fn plan(
    root: &Root,
    config: &crate::config::Config,
    pages: &Pages,
    workspace: &Workspace,
    hashes: &mut Hashes,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    let definitions: Vec<String> = match pages.blocks().any(formats::is_read) {
        true => formats::definitions(root, config),
        false => Vec::new(),
    };
    for page in &pages.pages {
        let of = |origin: fn(&Origin) -> bool| -> Vec<&Block> {
            page.blocks
                .iter()
                .filter(|b| b.attr("exempt").is_none() && origin(&b.origin))
                .collect()
        };
        let diagrams = of(|o| *o == Origin::Diagram);
        if !diagrams.is_empty() {
            let inputs = block_inputs(&diagrams)
                .chain(file_inputs(hashes, ["Cargo.lock".to_owned()]))
                .collect();
            let id = format!("diagrams:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Diagrams {
                    page: page.path.clone(),
                },
                lane: Lane::Offline,
                inputs,
            });
        }
        let read: Vec<&Block> = page.blocks.iter().filter(|b| formats::is_read(b)).collect();
        if !read.is_empty() {
            let shown = read.iter().filter_map(|b| b.origin.file()).map(|f| f.path.clone());
            let reader = match workspace.packages.contains_key(formats::READER) {
                true => workspace.inputs(root, formats::READER),
                false => Vec::new(),
            };
            let files = shown.chain(definitions.iter().cloned()).chain(reader);
            let inputs = block_inputs(&read).chain(file_inputs(hashes, files)).collect();
            jobs.push(Job {
                id: formats::job(&page.path),
                kind: Kind::Formats {
                    page: page.path.clone(),
                },
                lane: Lane::Offline,
                inputs,
            });
        }
        let snippets: Vec<&Block> = of(|o| *o == Origin::Inline)
            .into_iter()
            .filter(|b| b.lang == "rust")
            .collect();
        if !snippets.is_empty() {
            let files = config
                .snippets
                .as_deref()
                .map(|p| workspace.inputs(root, p))
                .unwrap_or_default();
            let mut inputs: BTreeMap<String, String> =
                block_inputs(&snippets).chain(file_inputs(hashes, files)).collect();
            inputs.extend(value("compiler", &workspace.rustc));
            let id = format!("snippets:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Snippets {
                    page: page.path.clone(),
                },
                lane: Lane::Offline,
                inputs,
            });
        }
        jobs.extend(quiz_job(root, config, page, workspace, hashes));
        let consoles = of(|o| *o == Origin::Console);
        if !consoles.is_empty() {
            let lane = consoles.iter().map(|b| console_lane(b)).max().unwrap_or(Lane::Offline);
            let mut inputs: BTreeMap<String, String> = block_inputs(&consoles).collect();
            // The order matters to a session.
            let order: Vec<String> = consoles.iter().map(|b| block_hash(b)).collect();
            inputs.extend(value("session", &order.join(" ")));
            inputs.extend(file_inputs(hashes, session_files(root, workspace, &consoles)));
            inputs.extend(file_inputs(hashes, of_lane(root, lane)));
            let id = format!("console:{}", page.path);
            jobs.push(Job {
                id,
                kind: Kind::Console {
                    page: page.path.clone(),
                },
                lane,
                inputs,
            });
        }
    }
    for (exercise, block) in exercise::shown(pages) {
        let package = workspace.packages.values().find(|p| p.dir == exercise.package_dir());
        let mut files = package.map_or(Vec::new(), |p| workspace.inputs(root, &p.name));
        // The package's folder holds other exercises too: what this one is made from is its own, and the check's.
        files.retain(|f| !exercise::owns(config, f) || f == &format!("{}/Cargo.toml", exercise.package_dir()));
        files.extend(exercise.inputs(root));
        files.extend(of_lane(root, exercise.text.lane));
        let mut inputs: BTreeMap<String, String> = block_inputs(&[block]).chain(file_inputs(hashes, files)).collect();
        inputs.extend(value("compiler", &workspace.rustc));
        jobs.push(Job {
            id: exercise.job(),
            kind: Kind::Exercise {
                name: exercise.name.clone(),
                page: block.page.clone(),
            },
            lane: exercise.text.lane,
            inputs,
        });
    }
    let mut site: Vec<String> = files_below(root, &config.src);
    site.extend(files_below(root, "theme"));
    site.extend(pages.shown().into_keys().map(str::to_owned));
    site.extend(pages.pages.iter().flat_map(|p| p.facts.iter().map(|f| f.1.clone())));
    site.extend(pages.exercises.iter().flat_map(|e| files_below(root, &e.dir)));
    site.push("book.toml".into());
    jobs.push(Job {
        id: "site".into(),
        kind: Kind::Site,
        lane: Lane::Offline,
        inputs: file_inputs(hashes, site).collect(),
    });
    jobs.extend(browser_jobs(root, config, pages, hashes));
    for package in workspace.packages.values() {
        if config.snippets.as_deref() == Some(&package.name) {
            continue;
        }
        let files = workspace.inputs(root, &package.name);
        let mut inputs: BTreeMap<String, String> = file_inputs(hashes, files).collect();
        inputs.extend(value("compiler", &workspace.rustc));
        let lint = Kind::Lint {
            package: package.name.clone(),
        };
        jobs.push(Job {
            id: format!("lint:{}", package.name),
            kind: lint,
            lane: Lane::Offline,
            inputs: inputs.clone(),
        });
        for lane in &package.lanes {
            let mut inputs = inputs.clone();
            inputs.extend(file_inputs(hashes, of_lane(root, *lane)));
            let id = format!("test:{}:{lane}", package.name);
            jobs.push(Job {
                id,
                kind: Kind::Tests {
                    package: package.name.clone(),
                },
                lane: *lane,
                inputs,
            });
        }
    }
    for job in &mut jobs {
        job.inputs.extend(value("the verifier", env!("BOOK_VERIFIER")));
    }
    jobs.sort_by_key(|job| job.lane);
    jobs
}

/// The name of the browser's job for what belongs to no single page.
pub const BROWSER_SITE: &str = "browser:site";

/// The browser's jobs: one a page, with what that page is made from, so that a change of it is looked at alone; and one
/// for the site. None for a book without the scripts that look.
fn browser_jobs(root: &Root, config: &crate::config::Config, pages: &Pages, hashes: &mut Hashes) -> Vec<Job> {
    let scripts = book_setup::browser::scripts(&root.path);
    if pages.pages.is_empty() || !scripts.join("check.mjs").is_file() {
        return Vec::new();
    }
    let is_page = |path: &String| path.ends_with(".md");
    let mut common: Vec<String> = files_below(root, "theme");
    common.extend(files_below(root, book_setup::browser::SCRIPTS));
    common.extend(files_below(root, &config.src).into_iter().filter(|path| !is_page(path)));
    common.push("book.toml".into());
    let own = |page: &Page| -> Vec<String> {
        let shown = page
            .blocks
            .iter()
            .filter_map(|b| b.origin.file())
            .map(|f| f.path.clone());
        let facts = page.facts.iter().map(|(_, path)| path.clone());
        shown.chain(facts).chain([page.path.clone()]).collect()
    };
    let mut jobs = Vec::new();
    for page in &pages.pages {
        let files = own(page).into_iter().chain(common.iter().cloned());
        jobs.push(Job {
            id: format!("browser:{}", page.path),
            kind: Kind::Browser {
                page: page.path.clone(),
            },
            lane: Lane::Browser,
            inputs: file_inputs(hashes, files).collect(),
        });
    }
    let telling = browser::telling(pages).into_iter().flat_map(own);
    let copies = browser::copies(pages).into_iter();
    let summary = [format!("{}/SUMMARY.md", config.src)];
    let files = telling.chain(copies).chain(summary).chain(common);
    jobs.push(Job {
        id: BROWSER_SITE.into(),
        kind: Kind::BrowserSite,
        lane: Lane::Browser,
        inputs: file_inputs(hashes, files).collect(),
    });
    jobs
}

/// What proves the quizzes of a page, if it has any.
fn quiz_job(
    root: &Root,
    config: &crate::config::Config,
    page: &Page,
    workspace: &Workspace,
    hashes: &mut Hashes,
) -> Option<Job> {
    let is_asked = |b: &&Block| b.lang == "quiz" && b.attr("exempt").is_none();
    let quizzes: Vec<&Block> = page.blocks.iter().filter(is_asked).collect();
    if quizzes.is_empty() {
        return None;
    }
    let mut inputs: BTreeMap<String, String> = block_inputs(&quizzes).collect();
    let read: Vec<quiz::Quiz> = quizzes.iter().filter_map(|b| quiz::Quiz::of(b)).collect();
    inputs.extend(file_inputs(hashes, read.iter().flat_map(quiz::bind::files)));
    if read.iter().any(quiz::bind::reads_sessions) {
        inputs.extend(value(
            "what this page's sessions show",
            &sha256(quiz::bind::sessions(&page.blocks).as_bytes()),
        ));
    }
    if quizzes.iter().any(|b| quiz::prove::runs(b)) {
        let package = config.snippets.as_deref();
        let files = package.map(|p| workspace.inputs(root, p)).unwrap_or_default();
        inputs.extend(file_inputs(hashes, files));
        inputs.extend(value("compiler", &workspace.rustc));
    }
    Some(Job {
        id: quiz::prove::job(&page.path),
        kind: Kind::Quiz {
            page: page.path.clone(),
        },
        lane: Lane::Offline,
        inputs,
    })
}

/// The files that a lane's engines are made from.
fn of_lane(root: &Root, lane: Lane) -> Vec<String> {
    let folders: &[&str] = match lane {
        Lane::Offline | Lane::Browser => &[],
        Lane::Kind => &["docker", "k8s"],
        Lane::Docker => &["docker"],
    };
    folders.iter().flat_map(|dir| files_below(root, dir)).collect()
}

fn block_inputs<'a>(blocks: &'a [&'a Block]) -> impl Iterator<Item = (String, String)> + 'a {
    blocks.iter().flat_map(|b| value(BLOCK, &block_hash(b)))
}

fn value(name: &str, value: &str) -> Option<(String, String)> {
    let key = format!("={name}:{value}");
    let hash = sha256(&key.as_bytes()[1..]);
    Some((key, hash))
}

fn file_inputs(hashes: &mut Hashes, files: impl IntoIterator<Item = String>) -> impl Iterator<Item = (String, String)> {
    files
        .into_iter()
        .filter_map(|f| hashes.of(&f).map(|h| (f, h)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Files below the root that a session works on, as far as its commands say: the folders of `dir=` and `cd`, every
/// file or folder that a command names, the packages that cargo is asked for. Too many make a session run once more;
/// too few would leave it green when what it built is another text now.
fn session_files(root: &Root, workspace: &Workspace, blocks: &[&Block]) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut here = PathBuf::new();
    for block in blocks {
        if let Some(dir) = block.attr("dir").and_then(|dir| below(Path::new(""), dir)) {
            files.extend(files_below(root, &dir.to_string_lossy()));
            here = dir;
        }
        for command in console::commands(block) {
            for part in command.split(['\n', ';', '|', '&', '(', ')', '`']) {
                let words: Vec<&str> = part.split_whitespace().collect();
                match words.first() {
                    Some(&"cd") => {
                        let dir = words.get(1).and_then(|dir| below(&here, unquoted(dir)));
                        if let Some(dir) = dir.filter(|dir| root.path.join(dir).is_dir()) {
                            if !dir.as_os_str().is_empty() {
                                files.extend(files_below(root, &dir.to_string_lossy()));
                            }
                            here = dir;
                        }
                        continue;
                    }
                    Some(&"cargo") => files.extend(cargo_files(root, workspace, &here, &words)),
                    _ => {}
                }
                for word in words.iter().skip(1) {
                    for name in word.split(['=', ',', ':', '<', '>']).chain([*word]) {
                        files.extend(named_files(root, &here, unquoted(name)));
                    }
                }
            }
        }
    }
    files
}

pub(crate) fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// The files that a word of a command names: a file, a folder, or a pattern's folder.
fn named_files(root: &Root, here: &Path, name: &str) -> Vec<String> {
    let plain = match name.find(['*', '?', '[']) {
        Some(at) => name[..at].rsplit_once('/').map_or(".", |(dir, _)| dir),
        None => name,
    };
    let Some(path) = below(here, plain).filter(|_| !plain.is_empty()) else {
        return Vec::new();
    };
    // What is built is another file after each build; the packages that cargo is asked for stand for it.
    if path.starts_with("target") {
        return Vec::new();
    }
    let full = root.path.join(&path);
    let path = path.to_string_lossy().into_owned();
    if full.is_file() {
        vec![path]
    } else if full.is_dir() {
        files_below(root, &path)
    } else {
        Vec::new()
    }
}

/// The files of the packages that a cargo command works on.
fn cargo_files(root: &Root, workspace: &Workspace, here: &Path, words: &[&str]) -> Vec<String> {
    let builds = words
        .get(1)
        .is_some_and(|w| !w.starts_with('-') && !matches!(*w, "new" | "init" | "install" | "search" | "help"));
    if !builds {
        return Vec::new();
    }
    let named = |name: &String| words.iter().any(|w| w.rsplit('=').next() == Some(name.as_str()));
    let mut packages: Vec<&String> = workspace.packages.keys().filter(|name| named(name)).collect();
    if packages.is_empty() {
        let here = workspace
            .package_of(&here.to_string_lossy())
            .filter(|p| !p.dir.is_empty());
        packages = here.map_or(workspace.packages.keys().collect(), |p| vec![&p.name]);
    }
    packages.iter().flat_map(|name| workspace.inputs(root, name)).collect()
}

/// A path below the root, from the folder `here` below it; `None` when it leads out.
pub(crate) fn below(here: &Path, name: &str) -> Option<PathBuf> {
    let mut path = here.to_path_buf();
    for part in Path::new(name).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    #[test]
    fn what_a_session_s_commands_name_are_its_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        for file in [
            "a/Dockerfile",
            "a/src/x.rs",
            "b/one.yaml",
            "b/two.yaml",
            "b/c/three",
            "d/Cargo.toml",
            "e/f",
            "target/debug/d",
        ] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        let package = |name: &str| Package {
            name: name.into(),
            dir: name.into(),
            is_listing: true,
            features: BTreeSet::new(),
            lanes: BTreeSet::new(),
            target_lanes: BTreeMap::new(),
            programs: BTreeMap::new(),
            needs: BTreeSet::new(),
        };
        let workspace = Workspace {
            packages: BTreeMap::from([("d".into(), package("d")), ("e".into(), package("e"))]),
            rustc: String::new(),
        };
        let files = |attrs: &[(&str, &str)], text: &str| {
            let block = Block {
                page: "src/a.md".into(),
                line: 1,
                end_line: 9,
                lang: "console".into(),
                attrs: attrs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
                text: text.into(),
                origin: Origin::Console,
                format: None,
            };
            let files = session_files(&root, &workspace, &[&block]);
            files.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            files(
                &[],
                "$ cargo build --package d\n$ target/debug/d\n$ alias d='target/debug/d 1'\n"
            ),
            "d/Cargo.toml"
        );
        assert_eq!(files(&[], "$ echo b\n"), "b/c/three b/one.yaml b/two.yaml");
        assert_eq!(files(&[], "$ cat b/one.yaml\nb/two.yaml\n"), "b/one.yaml");
        assert_eq!(
            files(&[], "$ docker build -f a/Dockerfile b/c\n"),
            "a/Dockerfile b/c/three"
        );
        assert_eq!(
            files(&[], "$ x --file='b/one.yaml' /etc/hostname ../out\n"),
            "b/one.yaml"
        );
        assert_eq!(files(&[], "$ cat b/*.yaml\n"), "b/c/three b/one.yaml b/two.yaml");
        assert_eq!(files(&[], "$ cd b/c && cat ../one.yaml\n"), "b/c/three b/one.yaml");
        assert_eq!(
            files(&[("dir", "b/c")], "$ cat < ../two.yaml\n"),
            "b/c/three b/two.yaml"
        );
        assert_eq!(files(&[], "$ cargo run -p d\n"), "d/Cargo.toml");
        assert_eq!(files(&[], "$ cargo --version\n$ cargo new x\n"), "");
        assert_eq!(files(&[], "$ cargo test\n"), "d/Cargo.toml e/f");
    }
}
