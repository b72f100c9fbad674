//! Five ways to build one program, each from nothing, after a changed line and with one dependency more.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use book_support::docker::Image;
use book_support::{captured, fact, root};
use caching::{Step, Steps, edits};
use common::{HERE, Mounts, REPORT, build, steps, unique};

/// What is changed before a build.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    Line,
    Dependency,
}

fn make(change: Change, folder: &Path) {
    let known = std::fs::read_to_string(root().join("Cargo.lock"));
    let made = match change {
        Change::Nothing => Ok(()),
        Change::Line => edits::comment(folder, "src/main.rs"),
        Change::Dependency => {
            // No earlier run has built this manifest.
            let manifest = folder.join("Cargo.toml");
            let text = std::fs::read_to_string(&manifest).unwrap();
            let run = unique("run");
            let mark = format!(
                "{text}\n[package.metadata.check]\nrun = {run:?}\n"
            );
            std::fs::write(&manifest, mark).unwrap();
            edits::dependency(folder, &known.expect("a lock file"))
        }
    };
    made.expect("the copy can be changed");
}

/// What one build took.
struct Seen {
    crates: usize,
    lines: String,
}

impl Seen {
    fn of(steps: &Steps) -> Seen {
        Seen { crates: steps.crates(), lines: steps.lines() }
    }
}

/// Builds without making an image, whose export would count.
fn report(dockerfile: &str, context: &Path, args: &[&str]) -> Steps {
    let out = Command::new("docker")
        .args(["buildx", "build", "--progress=rawjson"])
        .arg("--output=type=cacheonly")
        .arg("--file")
        .arg(root().join(dockerfile))
        .args(args)
        .arg(context)
        .output()
        .expect("docker starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    Steps::read(&*out.stderr).expect("the engine reports")
}

/// The program's folder, changed.
fn changed(change: Change, folder: &Path) {
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        let to = folder.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let text = std::fs::read(root().join(REPORT).join(file));
        let text = text.unwrap();
        // As an editor does: a file that is the same stays.
        if std::fs::read(&to).ok().as_ref() != Some(&text) {
            std::fs::write(&to, text).unwrap();
        }
    }
    make(change, folder);
}

/// A way to build: its name, and how the engine is told to forget it.
struct Way<'a> {
    name: &'static str,
    dockerfile: &'static str,
    always: &'a [&'a str],
    cold: &'a [&'a str],
}

impl Way<'_> {
    fn dockerfile(&self) -> String {
        format!("{HERE}/{}.Dockerfile", self.dockerfile)
    }

    fn after(&self, change: Change, more: &[&str]) -> Seen {
        let folder = tempfile::tempdir().expect("a folder");
        changed(change, folder.path());
        let args = [self.always, more].concat();
        Seen::of(&report(&self.dockerfile(), folder.path(), &args))
    }

    /// From nothing, after a changed line, with a dependency more.
    fn seen(&self) -> [Seen; 3] {
        let cold = self.after(Change::Nothing, self.cold);
        let line = self.after(Change::Line, &[]);
        let more = self.after(Change::Dependency, &[]);
        // The image, which is now put together from the cache.
        let build = build(&self.dockerfile(), REPORT);
        works(&self.always.iter().fold(build, |b, a| b.arg(a)).run());
        [cold, line, more]
    }
}

fn works(image: &Image) {
    let script = "echo https://example.org/a | links-report";
    let out = image.run_to_end(&[], &["sh", "-c", script]);
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains(r#""example.org":1"#), "{out:?}");
}

/// cargo on this machine, then a Dockerfile that compiles nothing.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn program(&self) -> PathBuf {
        self.folder.path().join("target/release/links-report")
    }

    fn seen(&self, change: Change) -> Seen {
        let folder = self.folder.path();
        changed(change, folder);
        let out = Command::new("cargo")
            .args(["build", "--release", "--locked"])
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo starts");
        assert!(out.status.success(), "{out:?}");
        let cargo = Step { printed: out.stderr, ..Step::default() };

        let dockerfile = format!("{HERE}/host.Dockerfile");
        let image = build(&dockerfile, REPORT).run_with(|context| {
            let dist = context.join("dist");
            std::fs::create_dir(&dist).unwrap();
            std::fs::copy(self.program(), dist.join("links-report"))
                .unwrap();
        });
        works(&image);
        let mut seen = Seen::of(&steps(&image));
        seen.crates += cargo.compiled().len();
        seen
    }
}

#[test]
fn what_each_cache_saves() {
    let run = unique("caching");
    let cache = format!("--build-arg=CACHE={run}");
    let forget = Mounts(run);

    let nothing = Way {
        name: "nothing",
        dockerfile: "tests/nothing",
        always: &[],
        cold: &["--no-cache"],
    };
    let manifests = Way {
        name: "manifests first",
        dockerfile: "tests/manifests",
        always: &[],
        cold: &["--no-cache"],
    };
    let chef = Way {
        name: "cargo-chef",
        dockerfile: "chef",
        always: &["--build-arg=COMMIT=1f0c2ab"],
        cold: &["--no-cache-filter=planner", "--no-cache-filter=build"],
    };
    let mounts = Way {
        name: "cache mounts",
        dockerfile: "mounts",
        always: &[&cache],
        cold: &[],
    };

    let mut rows: Vec<(&str, [Seen; 3])> = Vec::new();
    for way in [&nothing, &manifests, &chef, &mounts] {
        rows.push((way.name, way.seen()));
    }
    let host = Host { folder: tempfile::tempdir().unwrap() };
    rows.push((
        "built outside",
        [Change::Nothing, Change::Line, Change::Dependency]
            .map(|change| host.seen(change)),
    ));
    drop(forget);

    captured(&format!("{HERE}/captured/compared.txt"), &table(&rows));
    for (name, [cold, line, more]) in &rows {
        let saves = *name != "nothing";
        let crates = if saves { 1 } else { cold.crates };
        assert_eq!(line.crates, crates, "{name}");
        // Without layers, a dependency costs itself and the program.
        let finer = matches!(*name, "cache mounts" | "built outside");
        assert_eq!(more.crates == 2, finer, "{name}: {}", more.crates);
    }
    let chef = &rows[2].1;
    for (name, seen) in [("line", &chef[1]), ("dependency", &chef[2])] {
        let file = format!("{HERE}/captured/chef-{name}.txt");
        // Whether the program came out the same is not the question.
        let lines = seen.lines.lines();
        let lines: Vec<&str> =
            lines.filter(|l| !l.contains("--from=build")).collect();
        captured(&file, &lines.join("\n"));
    }
}

fn table(rows: &[(&str, [Seen; 3])]) -> String {
    let mut text = format!(
        "{:16} {:>12}  {:>16}  {:>17}\n",
        "", "from nothing", "one line changed", "a dependency more"
    );
    for (name, [cold, line, more]) in rows {
        text += &format!(
            "{name:16} {:>12}  {:>16}  {:>17}\n",
            cold.crates, line.crates, more.crates
        );
    }
    text
}

#[test]
fn the_tool_is_larger_than_the_program() {
    let file = format!("{HERE}/chef.Dockerfile");
    let chef = build(&file, REPORT).arg("--target=chef").run();
    // cargo keeps what it fetched, a file for each crate.
    let count = "ls /usr/local/cargo/registry/cache/* | grep -c crate$";
    let out = chef.run_to_end(&[], &["sh", "-c", count]);
    let count = String::from_utf8_lossy(&out.stdout);
    let count: usize = count.trim().parse().expect("a number");
    let own = book_support::listing(&format!("{REPORT}/Cargo.lock"));
    assert!(count > 3 * own.matches("[[package]]").count());
    let crates = format!("{count} crates");
    fact(&format!("{HERE}/captured/chef-crates.txt"), crates);
}
