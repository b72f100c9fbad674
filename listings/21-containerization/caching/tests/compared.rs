//! Five ways to build one program, each from nothing, after a changed line and with one dependency more.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use book_support::docker::{Build, Image};
use book_support::{Matcher, captured, captured_matching, fact, root};
use caching::{Step, edits};
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
            edits::dependency(folder, &known.expect("a lock file"))
        }
    };
    made.expect("the copy can be changed");
}

/// What one build took.
struct Seen {
    crates: usize,
    took: Duration,
    lines: String,
}

impl Seen {
    fn of(image: &Image) -> Seen {
        let steps = steps(image);
        Seen {
            crates: steps.crates(),
            took: steps.took(),
            lines: steps.lines(),
        }
    }
}

/// A way to build: its name, and how the engine is told to forget it.
struct Way<'a> {
    name: &'static str,
    dockerfile: &'static str,
    always: &'a [&'a str],
    cold: &'a [&'a str],
}

impl Way<'_> {
    fn build(&self, change: Change, more: &[&str]) -> Image {
        let path = format!("{HERE}/{}.Dockerfile", self.dockerfile);
        let args = self.always.iter().chain(more);
        let build: Build =
            args.fold(build(&path, REPORT), |b, arg| b.arg(arg));
        build.run_with(|folder| make(change, folder))
    }

    /// From nothing, after a changed line, with a dependency more.
    fn seen(&self) -> [Seen; 3] {
        let cold = self.build(Change::Nothing, self.cold);
        works(&cold);
        // Where it is quick, three times: the one in the middle counts.
        let times = if self.name == "nothing" { 1 } else { 3 };
        let mut line: Vec<Seen> = (0..times)
            .map(|_| Seen::of(&self.build(Change::Line, &[])))
            .collect();
        line.sort_by_key(|seen| seen.took);
        let more = self.build(Change::Dependency, &[]);
        works(&more);
        let middle = line.swap_remove(times / 2);
        [Seen::of(&cold), middle, Seen::of(&more)]
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
        let start = Instant::now();
        let out = Command::new("cargo")
            .args(["build", "--release", "--locked"])
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo starts");
        let compiled = start.elapsed();
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
        let mut seen = Seen::of(&image);
        seen.crates += cargo.compiled().len();
        seen.took += compiled;
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

    for (name, [cold, line, more]) in &rows {
        // Where there is a cache, a line is far cheaper than all.
        let saves = line.took < cold.took * 6 / 10;
        assert_eq!(saves, *name != "nothing", "{name}");
        // Without layers, a dependency costs itself and the program.
        let one = more.crates == 2;
        let finer = matches!(*name, "cache mounts" | "built outside");
        assert_eq!(one, finer, "{name}: {}", more.crates);
    }

    let whole = rows[0].1[0].took;
    captured_matching(
        &format!("{HERE}/captured/compared.txt"),
        &table(&rows, whole),
        &[Matcher::Decimal],
    );
    let chef = &rows[2].1;
    for (name, seen) in [("line", &chef[1]), ("dependency", &chef[2])] {
        let file = format!("{HERE}/captured/chef-{name}.txt");
        captured(&file, &seen.lines);
    }
}

fn table(rows: &[(&str, [Seen; 3])], whole: Duration) -> String {
    let mut text = format!(
        "{:16}  {:12}  {:16}  {}\n",
        "", "from nothing", "one line changed", "a dependency more"
    );
    for (name, seen) in rows {
        let cells = seen.iter().map(|seen| {
            let part = seen.took.div_duration_f64(whole);
            format!("{:>3}  {part:.2}", seen.crates)
        });
        let cells: Vec<String> = cells.collect();
        text += &format!(
            "{name:16}  {:12}  {:16}  {}\n",
            cells[0], cells[1], cells[2]
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
