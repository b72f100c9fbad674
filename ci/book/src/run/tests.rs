//! Cargo tests, and which shown lines they executed.
//!
//! Packages are built once (`cargo build --tests`), the listings among them with `-C instrument-coverage` through
//! `RUSTC_WORKSPACE_WRAPPER`, so that dependencies are built as always. Then each test program runs on its own, with
//! a profile and a folder for notes of its own. Only programs that passed count.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::evidence::{Use, sha256};
use crate::model::{Finding, Lane, Root};
use crate::run::console::kept::{Kept, kept};
use crate::workspace::{Package, cargo, target_key};

/// Tells the wrapper which folders to instrument, `:`-separated and absolute; set only for cargo.
const ROOTS: &str = "BOOK_INSTRUMENT";

/// When cargo calls this program in rustc's place: instruments the listings, then calls rustc.
pub fn wrapper_main() -> Option<ExitCode> {
    let roots = std::env::var_os(ROOTS)?;
    let mut args = std::env::args_os().skip(1);
    let rustc = args.next()?;
    let mut command = Command::new(&rustc);
    command.args(args);
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    if here.is_some_and(|dir| std::env::split_paths(&roots).any(|root| dir.starts_with(root))) {
        command.args(["-C", "instrument-coverage"]);
    }
    let error = command.exec();
    eprintln!("{}: {error}", rustc.to_string_lossy());
    Some(ExitCode::FAILURE)
}

/// A program that cargo built for testing.
#[derive(Clone, Debug)]
pub struct Program {
    /// The package.
    pub package: String,
    /// The target's name: `http`, `links_api`.
    pub target: String,
    /// `tests/http.rs`, relative to the package.
    pub source: String,
    /// Where it runs.
    pub lane: Lane,
    executable: PathBuf,
}

impl Program {
    /// Where it lies.
    pub fn executable(&self) -> &Path {
        &self.executable
    }
}

/// What a build gave.
#[derive(Debug, Default)]
pub struct Built {
    /// In cargo's order.
    pub programs: Vec<Program>,
    /// Programs that tests start, by package.
    binaries: BTreeMap<String, Vec<PathBuf>>,
    /// Source files that went into a package's programs, relative to the root.
    pub sources: BTreeMap<String, BTreeSet<String>>,
    /// What the compiler refused: file relative to the root, line, message as rustc renders it.
    pub errors: Vec<(String, usize, String)>,
}

impl Built {
    /// A program of a package, which its tests start.
    pub fn binary(&self, package: &str) -> Option<&Path> {
        Some(self.binaries.get(package)?.first()?)
    }
}

/// What cargo says, a line each.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerArtifact {
        manifest_path: String,
        target: ArtifactTarget,
        profile: Profile,
        executable: Option<PathBuf>,
        filenames: Vec<PathBuf>,
    },
    CompilerMessage {
        message: Diagnostic,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    kind: Vec<String>,
    name: String,
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// rustc's JSON diagnostic, as far as it is used.
#[derive(Deserialize, Debug)]
pub struct Diagnostic {
    /// `error`, `warning`, …
    pub level: String,
    /// With colours taken out.
    pub rendered: Option<String>,
    /// Where.
    pub spans: Vec<Span>,
}

/// A place in a source file.
#[derive(Deserialize, Debug)]
pub struct Span {
    /// Relative to the workspace.
    pub file_name: String,
    /// From 1.
    pub line_start: usize,
    /// The place that the message is about.
    pub is_primary: bool,
}

/// Builds the tests of packages for lanes. `listings` are the folders whose packages are instrumented: all of the
/// book's, so that cargo never finds a listing built before without.
///
/// Callers name the same packages and lanes each time, whatever they are about to run: cargo chooses the features of a
/// dependency by what is built together, and would build it again for each choice.
///
/// # Errors
/// When cargo fails without a word of the compiler. What the compiler refused is in the answer.
pub fn build(root: &Root, listings: &[String], packages: &[&Package], lanes: &BTreeSet<Lane>) -> Result<Built> {
    build_only(root, listings, packages, lanes, &[])
}

/// As [`build`], but only the test targets of these names, also those that no lane runs; none: all that lanes run.
///
/// # Errors
/// As [`build`].
pub fn build_only(
    root: &Root,
    listings: &[String],
    packages: &[&Package],
    lanes: &BTreeSet<Lane>,
    only: &[&str],
) -> Result<Built> {
    let work = root.work();
    std::fs::create_dir_all(&work)?;
    let listings: Vec<PathBuf> = listings.iter().map(|dir| root.join(dir)).collect();
    let mut command = cargo(root);
    // As `cargo test --no-run`, which has no `--keep-going`.
    command.args(["build", "--keep-going", "--message-format=json"]);
    if only.is_empty() {
        command.arg("--tests");
    }
    for name in only {
        command.args(["--test", name]);
    }
    choose(&mut command, packages, lanes);
    if !listings.is_empty() {
        let roots = std::env::join_paths(&listings)?;
        command.env("RUSTC_WORKSPACE_WRAPPER", wrapper(&work, &roots)?);
        command.env(ROOTS, roots);
        // Build scripts and macros of listings are instrumented too; their profiles are nobody's evidence.
        command.env("LLVM_PROFILE_FILE", "/dev/null");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().context("cargo does not start")?;
    let mut built = Built::default();
    let mut errors = Vec::new();
    let names: BTreeMap<PathBuf, &&Package> = packages
        .iter()
        .map(|p| (root.join(&p.dir).join("Cargo.toml"), p))
        .collect();
    let stdout = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(stdout).lines() {
        let Ok(message) = serde_json::from_str::<Line>(&line?) else {
            continue;
        };
        match message {
            Line::CompilerArtifact {
                manifest_path,
                target,
                profile,
                executable,
                filenames,
            } => {
                let Some(package) = names.get(Path::new(&manifest_path)) else {
                    continue;
                };
                let sources = built.sources.entry(package.name.clone()).or_default();
                for file in executable.iter().chain(&filenames) {
                    sources.extend(dep_info(root, file));
                }
                let Some(executable) = executable else { continue };
                if profile.test {
                    let lane = package
                        .target_lanes
                        .get(&target_key(&target.kind, &target.name))
                        .copied()
                        .unwrap_or(Lane::Offline);
                    let dir = root.join(&package.dir);
                    let source = target.src_path.strip_prefix(&dir).unwrap_or(&target.src_path);
                    built.programs.push(Program {
                        package: package.name.clone(),
                        target: target.name,
                        source: source.to_string_lossy().into_owned(),
                        lane,
                        executable,
                    });
                } else if target.kind.iter().any(|k| k == "bin") {
                    built.binaries.entry(package.name.clone()).or_default().push(executable);
                }
            }
            Line::CompilerMessage { message } if message.level == "error" => {
                let rendered = message.rendered.unwrap_or_default().trim_end().to_owned();
                match message.spans.iter().find(|s| s.is_primary) {
                    // The same file may go into several targets.
                    Some(span) => {
                        let error = (span.file_name.clone(), span.line_start, rendered);
                        if !errors.contains(&error) {
                            errors.push(error);
                        }
                    }
                    None => eprintln!("{rendered}"),
                }
            }
            _ => {}
        }
    }
    if !child.wait()?.success() && errors.is_empty() {
        bail!("cargo build --tests failed; cargo's words stand above\n  fix: correct what it names");
    }
    built.errors = errors;
    Ok(built)
}

/// Tells cargo the packages, and of each the features that lanes require.
fn choose(command: &mut Command, packages: &[&Package], lanes: &BTreeSet<Lane>) {
    for package in packages {
        command.args(["--package", &package.name]);
        for feature in package.features.intersection(lanes) {
            command.arg(format!("--features={}/{feature}", package.name));
        }
    }
}

/// This program under a name that stays, so that cargo sees the same wrapper after each build of it; and that is
/// another one for other folders, as cargo does not know that the folders matter.
fn wrapper(work: &Path, roots: &OsString) -> Result<PathBuf> {
    let link = work.join(format!("rustc-for-listings-{}", &sha256(roots.as_encoded_bytes())[..8]));
    let own = super::own_path()?;
    if std::fs::read_link(&link).ok().as_deref() != Some(&own) {
        let fresh = work.join(format!(".rustc-for-listings-{}", std::process::id()));
        std::os::unix::fs::symlink(&own, &fresh)?;
        std::fs::rename(&fresh, &link)?;
    }
    Ok(link)
}

/// The source files that rustc's dep-info beside an artifact names.
fn dep_info(root: &Root, artifact: &Path) -> Vec<String> {
    let stem = artifact.file_stem().unwrap_or_default().to_string_lossy();
    let plain = stem.strip_prefix("lib").unwrap_or(&stem);
    let Some(dir) = artifact.parent() else {
        return Vec::new();
    };
    // rustc's own file names sources relative to the workspace; cargo's summary beside a binary names them absolutely.
    let text = [stem.as_ref(), plain]
        .iter()
        .find_map(|name| std::fs::read_to_string(dir.join(format!("{name}.d"))).ok())
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':').map(|(_, sources)| sources))
        .flat_map(str::split_whitespace)
        .filter_map(|source| {
            let path = root.path.join(source);
            let path = path.strip_prefix(&root.path).ok()?.to_string_lossy().into_owned();
            (path.ends_with(".rs") && !path.starts_with("target/")).then_some(path)
        })
        .collect()
}

/// How one test of a program ended.
#[derive(Clone, Debug)]
pub struct TestEnd {
    /// The test's name.
    pub name: String,
    /// `ok`, `FAILED`, `ignored`.
    pub end: String,
}

/// What one test program did.
#[derive(Debug)]
pub struct Ran {
    /// Each test.
    pub tests: Vec<TestEnd>,
    /// Everything it printed.
    pub output: String,
    /// Whether it ended with 0.
    pub passed: bool,
    /// Why it came to no result, if it did not.
    pub killed: Option<String>,
    /// Command lines of what it started and left running. It has been ended.
    pub left: Vec<String>,
    /// Files that its tests used.
    pub uses: Vec<Use>,
    /// Tools and images that its tests named.
    pub versions: BTreeMap<String, String>,
    /// File → line → count.
    pub coverage: BTreeMap<String, BTreeMap<usize, u64>>,
    /// How long it took.
    pub seconds: f64,
}

/// What a run of a program needs to know.
#[derive(Debug)]
pub struct Run<'a> {
    /// The book.
    pub root: &'a Root,
    /// Names what this run starts, so that it can be found again.
    pub id: &'a str,
    /// Rewrite captured files.
    pub bless: bool,
    /// How long a program may take.
    pub budget: Duration,
    /// `llvm-profdata` and `llvm-cov`.
    pub llvm: Option<(PathBuf, PathBuf)>,
}

#[derive(Deserialize)]
struct Note {
    test: String,
    #[serde(default)]
    verb: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    what: String,
    version: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    name: String,
    value: String,
}

/// Tests that run at once in the kind lane: they wait for the cluster most of their time, and not for a processor.
const WAITING: usize = 4;

/// Runs one test program.
pub fn run(run: &Run<'_>, built: &Built, program: &Program, package: &Package) -> Result<Ran> {
    let scratch = run.root.scratch_dir("run-")?;
    let notes = scratch.path().join("notes");
    let profiles = scratch.path().join("profiles");
    std::fs::create_dir_all(&notes)?;
    std::fs::create_dir_all(&profiles)?;
    let dir = run.root.join(&package.dir);
    let variables = |command: &mut Command| {
        command
            .current_dir(&dir)
            .env("CARGO_MANIFEST_DIR", &dir)
            .env("CARGO_PKG_NAME", &package.name)
            .env("BOOK_ROOT", &run.root.path)
            .env("BOOK_NOTES", &notes)
            .env("BOOK_RUN", run.id)
            .env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw"))
            .env_remove(ROOTS)
            .env_remove("RUST_TEST_THREADS");
        if program.lane == Lane::Kind {
            command.env("RUST_TEST_THREADS", WAITING.to_string());
        }
        if run.bless {
            command.env("BOOK_BLESS", "1");
        } else {
            command.env_remove("BOOK_BLESS");
        }
    };
    let start = Instant::now();
    let Kept { output, code, left } = kept(&program.executable, run.budget, variables)?;
    let seconds = start.elapsed().as_secs_f64();
    let tests = test_ends(&output);
    let complete = is_complete(&output);
    let killed = if code == Some(0) && !complete {
        Some("ended before their result: a test, or what it calls, ended the program".to_owned())
    } else if code.is_none() {
        let mut command = Command::new(&program.executable);
        variables(&mut command);
        let unfinished = unfinished(command.env("LLVM_PROFILE_FILE", "/dev/null"), &tests);
        let which = if unfinished.is_empty() {
            String::new()
        } else {
            format!("; without an end: {}", unfinished.join(", "))
        };
        Some(format!(
            "did not finish in {} s and were ended{which}",
            run.budget.as_secs()
        ))
    } else {
        None
    };
    let passed = code == Some(0) && complete;
    let (mut uses, mut versions) = (Vec::new(), BTreeMap::new());
    for note in read_notes(&notes)? {
        let end = tests.iter().find(|t| t.name == note.test);
        if let Some(version) = note.version {
            versions.insert(version.name, version.value);
        } else {
            uses.push(Use {
                // A thread that a test started does not say whose it is: then all of the program have to pass.
                test: match end {
                    Some(_) => format!("{}::{}", program.target, note.test),
                    None => program.target.clone(),
                },
                verb: note.verb,
                path: note.path,
                hash: note.hash,
                what: note.what,
                passed: end.map_or(passed, |t| t.end == "ok"),
            });
        }
    }
    uses.sort();
    uses.dedup();
    let mut coverage = BTreeMap::new();
    if package.is_listing
        && let Some((profdata, cov)) = &run.llvm
    {
        let mut objects = vec![program.executable.clone()];
        // A test may run the programs of the packages that its own needs, too.
        let owners = std::iter::once(&package.name).chain(&package.needs);
        objects.extend(owners.filter_map(|name| built.binaries.get(name)).flatten().cloned());
        let executed = lines_executed(run.root, profdata, cov, &profiles, &objects)?;
        // Silence is no evidence: without a profile every line would look like one without code.
        if passed && executed.is_none() {
            bail!(
                "the tests {} of {} left no record of the lines that they executed\n  fix: let the program end by itself, not by abort or _exit",
                program.source,
                package.name
            );
        }
        coverage = executed.unwrap_or_default();
    }
    Ok(Ran {
        tests,
        output,
        passed,
        killed,
        left,
        uses,
        versions,
        coverage,
        seconds,
    })
}

/// Whether a harness that began also counted: a program that ends with 0 in the middle has proven nothing.
fn is_complete(output: &str) -> bool {
    let begun = |l: &str| l.starts_with("running ") && (l.ends_with(" tests") || l.ends_with(" test"));
    !output.lines().any(begun) || output.lines().any(|l| l.starts_with("test result: ok"))
}

/// The tests of a program that have no end.
fn unfinished(command: &mut Command, tests: &[TestEnd]) -> Vec<String> {
    let listed = command.args(["--list", "--format=terse"]).stdin(Stdio::null()).output();
    let Ok(out) = listed else { return Vec::new() };
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| tests.iter().all(|t| t.name != *name))
        .map(str::to_owned)
        .collect()
}

/// `test name ... ok` lines. A test's own output may stand between name and end, so both ends of the line are read.
fn test_ends(output: &str) -> Vec<TestEnd> {
    let mut ends = Vec::new();
    for line in output.lines() {
        let Some(rest) = line.strip_prefix("test ") else {
            continue;
        };
        let Some((name, end)) = rest.rsplit_once(" ... ") else {
            continue;
        };
        let end = end.split([',', ' ']).next().unwrap_or_default();
        if matches!(end, "ok" | "FAILED" | "ignored") {
            // Other harnesses write the names in a column.
            let name = name.trim_end();
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            ends.push(TestEnd {
                name: name.to_owned(),
                end: end.to_owned(),
            });
        }
    }
    ends
}

fn read_notes(dir: &Path) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        for line in std::fs::read_to_string(&path)?.lines() {
            notes.push(serde_json::from_str(line).with_context(|| format!("a note does not parse: {line}"))?);
        }
    }
    Ok(notes)
}

fn lines_executed(
    root: &Root,
    profdata: &Path,
    cov: &Path,
    profiles: &Path,
    objects: &[PathBuf],
) -> Result<Option<BTreeMap<String, BTreeMap<usize, u64>>>> {
    let raw: Vec<OsString> = std::fs::read_dir(profiles)?
        .filter_map(|e| Some(e.ok()?.path().into_os_string()))
        .collect();
    if raw.is_empty() {
        return Ok(None);
    }
    let merged = profiles.join("all.profdata");
    let out = Command::new(profdata)
        .args(["merge", "-sparse", "-o"])
        .arg(&merged)
        .args(&raw)
        .output()?;
    if !out.status.success() {
        bail!(
            "{} failed: {}",
            profdata.display(),
            String::from_utf8_lossy(&out.stderr).trim()
        );
    }
    let mut objects = objects.to_vec();
    while !objects.is_empty() {
        let mut command = Command::new(cov);
        command.args(["export", "-format=lcov", "-instr-profile"]).arg(&merged);
        for (i, object) in objects.iter().enumerate() {
            if i > 0 {
                command.arg("-object");
            }
            command.arg(object);
        }
        let out = command.output()?;
        if out.status.success() {
            return Ok(Some(lcov(root, &String::from_utf8_lossy(&out.stdout))));
        }
        // A program of which no line is ours, as the one of a library without code, is refused with all others.
        let said = String::from_utf8_lossy(&out.stderr);
        let before = objects.len();
        if said.contains("no coverage data found") {
            objects.retain(|object| !said.contains(&format!("'{}'", object.display())));
        }
        if objects.len() == before {
            bail!("{} failed: {}", cov.display(), said.trim());
        }
    }
    Ok(Some(BTreeMap::new()))
}

fn lcov(root: &Root, text: &str) -> BTreeMap<String, BTreeMap<usize, u64>> {
    let mut files: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    let mut file: Option<String> = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = root
                .path
                .join(path)
                .strip_prefix(&root.path)
                .ok()
                .map(|p| p.to_string_lossy().into_owned());
        } else if let (Some(data), Some(file)) = (line.strip_prefix("DA:"), &file) {
            let mut numbers = data.split(',').filter_map(|n| n.parse::<u64>().ok());
            if let (Some(line), Some(count)) = (numbers.next(), numbers.next()) {
                *files.entry(file.clone()).or_default().entry(line as usize).or_default() += count;
            }
        }
    }
    files
}

/// Where a failed test says that it panicked: file relative to the root, line, and the message.
pub fn panics(output: &str) -> BTreeMap<String, (String, usize, String)> {
    let mut found = BTreeMap::new();
    let lines: Vec<&str> = output.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("thread '") else {
            continue;
        };
        let Some((name, rest)) = rest.split_once('\'') else {
            continue;
        };
        let Some(place) = rest.split("panicked at ").nth(1) else {
            continue;
        };
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        let (_, line, file) = (parts.next(), parts.next(), parts.next());
        let (Some(line), Some(file)) = (line.and_then(|l| l.parse().ok()), file) else {
            continue;
        };
        let message: Vec<&str> = lines[i + 1..]
            .iter()
            .take_while(|l| {
                !l.starts_with("note: run with") && !l.starts_with("stack backtrace:") && !l.starts_with("---- ")
            })
            .take(40)
            .copied()
            .collect();
        found
            .entry(name.to_owned())
            .or_insert((file.to_owned(), line, message.join("\n").trim().to_owned()));
    }
    found
}

/// What clippy and rustfmt say.
#[derive(Debug)]
pub struct Linted {
    /// File relative to the root, and what is wrong in it.
    pub found: Vec<(String, Finding)>,
    /// Files that do not compile: what is built from them was not looked at.
    pub refused: BTreeSet<String>,
}

/// What `cargo clippy` and `rustfmt` say of packages: see [`Linted`].
pub fn lint(root: &Root, packages: &[&Package], lanes: &BTreeSet<Lane>) -> Result<Linted> {
    let mut found = Vec::new();
    let mut refused = BTreeSet::new();
    let mut command = cargo(root);
    command.args([
        "clippy",
        "--all-targets",
        "--no-deps",
        "--keep-going",
        "--message-format=json",
        "--quiet",
    ]);
    choose(&mut command, packages, lanes);
    let out = command
        .stderr(Stdio::piped())
        .output()
        .context("cargo clippy does not start")?;
    let mut seen = BTreeSet::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Ok(Line::CompilerMessage { message }) = serde_json::from_str::<Line>(line) else {
            continue;
        };
        let Some(span) = message.spans.iter().find(|s| s.is_primary) else {
            continue;
        };
        if !matches!(message.level.as_str(), "warning" | "error") {
            continue;
        }
        let rendered = message.rendered.clone().unwrap_or_default();
        if seen.insert(sha256(rendered.as_bytes())) {
            let finding = Finding::new(
                span.file_name.clone(),
                span.line_start,
                rendered.trim_end(),
                "cargo clippy --fix, or change the line",
            );
            found.push((span.file_name.clone(), finding));
            if message.level == "error" {
                refused.insert(span.file_name.clone());
            }
        }
    }
    if !out.status.success() && found.is_empty() {
        bail!("cargo clippy failed:\n{}", String::from_utf8_lossy(&out.stderr).trim());
    }
    let mut command = cargo(root);
    command.args(["fmt", "--check"]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    let out = command
        .args(["--", "-l"])
        .output()
        .context("cargo fmt does not start")?;
    if !out.status.success() && out.stdout.is_empty() {
        bail!("cargo fmt failed:\n{}", String::from_utf8_lossy(&out.stderr).trim());
    }
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let path = Path::new(line);
        let path = path
            .strip_prefix(&root.path)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        found.push((
            path.clone(),
            Finding::new(path, 1, "is not formatted as rustfmt does", "cargo fmt"),
        ));
    }
    Ok(Linted { found, refused })
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn libtests_lines_are_read() {
        let ends = test_ends(
            "running 3 tests\ntest a::b ... ok\ntest c - should panic ... ok\ntest d ... ignored, slow\ntest e ... FAILED\n",
        );
        let ends: Vec<(&str, &str)> = ends.iter().map(|t| (t.name.as_str(), t.end.as_str())).collect();
        assert_eq!(ends, [("a::b", "ok"), ("c", "ok"), ("d", "ignored"), ("e", "FAILED")]);
    }

    #[test]
    fn a_panic_has_its_place_and_message() {
        let found = panics(
            "thread 'a::b' (77) panicked at listings/x/tests/t.rs:12:5:\nleft: 1\nright: 2\nnote: run with `RUST_BACKTRACE=1`\n",
        );
        assert_eq!(
            found["a::b"],
            ("listings/x/tests/t.rs".into(), 12, "left: 1\nright: 2".into())
        );
    }

    #[test]
    fn counts_are_read_by_line() {
        let root = Root { path: "/r".into() };
        let files = lcov(
            &root,
            "SF:/r/a.rs\nDA:3,2\nDA:4,0\nend_of_record\nSF:/else/b.rs\nDA:1,1\n",
        );
        assert_eq!(
            files,
            BTreeMap::from([("a.rs".into(), BTreeMap::from([(3, 2), (4, 0)]))])
        );
    }
}
