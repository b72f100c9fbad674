//! Rust written in pages: compiled and run by skeptic.
//!
//! skeptic turns fenced Rust into tests, and runs rustc on each when the test runs. It needs help with the edition,
//! with crates that were built more than once, with `compile_fail`, and with telling a panic from a program that did
//! not compile. So each block goes to it in a file of its own (`source`), and its rustc is this program
//! (`stand_in`), which compiles as cargo compiles the test target and notes what rustc said, at the lines of the
//! page. The verdict (here) rests on these notes, and on skeptic's agreement.
//!
//! The package that the blocks run in is the book's. Its dependencies are what blocks may use; its edition is theirs;
//! its `build.rs` gives skeptic the Markdown files of the folder that `BOOK_SNIPPETS` names, and its
//! `tests/skeptic.rs` includes what skeptic makes of them.

mod bounded;
mod source;
mod stand_in;

pub(crate) use stand_in::ROLE;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde::de::DeserializeOwned;

use crate::model::{Block, BlockResult, Finding, Root};
use crate::workspace::cargo;
use source::{Ends, Label};
use stand_in::{Compiled, Ran, Recipe};

/// How long one block may take to compile, and to run.
pub const BUDGET: Duration = Duration::from_secs(60);

/// What `main` does first: this program is also started in rustc's place, and to keep shell sessions.
pub fn rustc_wrapper_main() -> Option<ExitCode> {
    stand_in::main()
}

/// Compiles and runs blocks in a package of the book; one result each, in their order.
///
/// # Errors
///
/// When the package itself does not build, or the file system fails: nothing is known of any block then.
pub fn run(root: &Root, package: &str, blocks: &[&Block]) -> Result<Vec<BlockResult>> {
    run_within(root, package, blocks, BUDGET)
}

/// As [`run`], with another budget for each block.
pub fn run_within(root: &Root, package: &str, blocks: &[&Block], budget: Duration) -> Result<Vec<BlockResult>> {
    let seen = observe_within(root, package, blocks, budget)?;
    Ok(seen.into_iter().map(|(result, _)| result).collect())
}

/// As [`run`], with what each block printed to standard output.
pub fn observe(root: &Root, package: &str, blocks: &[&Block]) -> Result<Vec<(BlockResult, String)>> {
    observe_within(root, package, blocks, BUDGET)
}

fn observe_within(
    root: &Root,
    package: &str,
    blocks: &[&Block],
    budget: Duration,
) -> Result<Vec<(BlockResult, String)>> {
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let dir = std::path::absolute(root.work().join("skeptic"))?;
    let pages = dir.join("pages");
    std::fs::create_dir_all(&pages)?;
    let lock = std::fs::File::create(dir.join("lock"))?;
    // Two runs at once would give each other's blocks to skeptic.
    if lock.try_lock().is_err() {
        eprintln!("  waiting for another run that uses {}", dir.display());
        lock.lock()?;
    }
    let wanted: Vec<Result<Wanted, String>> = blocks.iter().map(|b| Wanted::of(b)).collect();
    let names = write_pages(&pages, blocks, &wanted)?;
    let program = build(root, package, &dir, &pages)?;
    let recipe_path = program.with_extension("recipe");
    let recipe: Recipe = serde_json::from_slice(&std::fs::read(&recipe_path)?)?;

    // Whatever a run that was killed left behind goes as well.
    let scratch = dir.join("run");
    let scratch = Scratch::new(scratch)?;
    let notes = scratch.0.join("notes");
    let temp = scratch.0.join("tmp");
    std::fs::create_dir_all(&notes)?;
    std::fs::create_dir_all(&temp)?;
    let out = cargo(root) // for its environment: skeptic asks cargo for metadata
        .get_envs()
        .fold(&mut Command::new(&program), |command, (name, value)| match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        })
        .current_dir(&root.path)
        .env(stand_in::ROLE, "rustc")
        .env(stand_in::NOTES, &notes)
        .env(stand_in::RECIPE, &recipe_path)
        .env(stand_in::BUDGET, budget.as_secs().to_string())
        .env("RUSTC", super::own_path()?)
        .env("TMPDIR", &temp)
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUST_TEST_THREADS")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} does not start", program.display()))?;
    let said = Skeptic::read(
        &String::from_utf8_lossy(&out.stdout),
        &String::from_utf8_lossy(&out.stderr),
    );
    let mut results = Vec::new();
    for (id, (block, wanted)) in blocks.iter().zip(wanted).enumerate() {
        let (findings, detail) = match wanted {
            Err(what) => (
                vec![Finding::new(
                    &block.page,
                    block.line,
                    what,
                    "correct the block's attributes",
                )],
                String::new(),
            ),
            Ok(wanted) => judge(block, &wanted, &notes, id, &names[&id], &said, &recipe, budget)?,
        };
        let stdout = read_note::<Ran>(&notes, id, "ran")?.map_or(String::new(), |ran| ran.stdout);
        let result = BlockResult {
            page: block.page.clone(),
            line: block.line,
            findings,
            detail,
        };
        results.push((result, stdout));
    }
    Ok(results)
}

/// What the page says that a block does.
#[derive(Clone, Debug)]
struct Wanted {
    ends: Ends,
    codes: BTreeSet<String>,
}

impl Wanted {
    fn of(block: &Block) -> Result<Wanted, String> {
        let is_code =
            |name: &&String| name.starts_with('E') && name.len() == 5 && name[1..].bytes().all(|b| b.is_ascii_digit());
        let codes: BTreeSet<String> = block.attrs.keys().filter(is_code).cloned().collect();
        let ends = match (
            block.attr("compile_fail").is_some(),
            block.attr("should_panic").is_some(),
        ) {
            (true, true) => {
                return Err("says both `compile_fail` and `should_panic`: what does not compile cannot panic".into());
            }
            (true, false) => Ends::NotCompiled,
            (false, true) => Ends::Panicking,
            (false, false) => Ends::Well,
        };
        if ends != Ends::NotCompiled
            && let Some(code) = codes.first()
        {
            return Err(format!("names {code}, but not `compile_fail`"));
        }
        Ok(Wanted { ends, codes })
    }
}

/// One Markdown file a block; the names of the tests that skeptic makes of them. A file that stays the same is not
/// touched: cargo then need not build anything.
fn write_pages(dir: &Path, blocks: &[&Block], wanted: &[Result<Wanted, String>]) -> Result<BTreeMap<usize, String>> {
    let mut names = BTreeMap::new();
    let mut files = BTreeSet::new();
    for (id, (block, wanted)) in blocks.iter().zip(wanted).enumerate() {
        let Ok(Wanted { ends, .. }) = wanted else { continue };
        // As skeptic does to a file's name.
        let plain: String = block
            .page
            .to_ascii_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let words: Vec<&str> = plain.split('_').filter(|w| !w.is_empty()).collect();
        let mut plain = words.join("_");
        plain.truncate(120);
        let stem = format!("page_{plain}_{}_block_{id}", block.line).replace("__", "_");
        let label = Label {
            id,
            line: block.line,
            compile_only: *ends == Ends::NotCompiled,
            page: block.page.clone(),
        };
        let text = source::markdown(&label, *ends, &block.text);
        let file = dir.join(format!("{stem}.md"));
        if std::fs::read_to_string(&file).ok().as_deref() != Some(&text) {
            std::fs::write(&file, text)?;
        }
        files.insert(file);
        names.insert(id, format!("{stem}_line_1"));
    }
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if !files.contains(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(names)
}

/// Builds the test program; its recipe lies beside it.
fn build(root: &Root, package: &str, dir: &Path, pages: &Path) -> Result<PathBuf> {
    // A name that stays, so that cargo sees the same wrapper after each build of this program.
    let wrapper = dir.join("rustc");
    let own = super::own_path()?;
    if std::fs::read_link(&wrapper).ok().as_deref() != Some(&own) {
        let fresh = dir.join("rustc.new");
        let _ = std::fs::remove_file(&fresh);
        std::os::unix::fs::symlink(&own, &fresh)?;
        std::fs::rename(&fresh, &wrapper)?;
    }
    for _ in 0..2 {
        let mut child = cargo(root)
            .args([
                "test",
                "--no-run",
                "--message-format=json-render-diagnostics",
                "--package",
                package,
            ])
            .args(["--test", stand_in::TARGET])
            .env("BOOK_SNIPPETS", pages)
            .env("RUSTC_WORKSPACE_WRAPPER", &wrapper)
            .env(stand_in::ROLE, "record")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cargo does not start")?;
        let stdout = child.stdout.take().context("cargo has no output")?;
        let mut program = None;
        for line in BufReader::new(stdout).lines() {
            let Ok(message) = serde_json::from_str::<serde_json::Value>(&line?) else {
                continue;
            };
            if message["reason"] == "compiler-artifact"
                && message["target"]["name"] == stand_in::TARGET
                && let Some(path) = message["executable"].as_str()
            {
                program = Some(PathBuf::from(path));
            }
        }
        let fix = format!("cargo test --package {package} --test {}", stand_in::TARGET);
        if !child.wait()?.success() {
            bail!(
                "the package `{package}`, in which Rust written in pages runs, does not build; cargo's words stand above\n  fix: {fix}"
            );
        }
        let Some(program) = program else {
            bail!(
                "cargo built no test `{}` in the package `{package}`\n  fix: {fix}",
                stand_in::TARGET
            );
        };
        if program.with_extension("recipe").is_file() {
            return Ok(program);
        }
        // Somebody took the recipe away, or built without us: cargo writes it when it builds the program again.
        std::fs::remove_file(&program)?;
    }
    bail!(
        "cargo does not call RUSTC_WORKSPACE_WRAPPER for the package `{package}`\n  fix: is it a member of this workspace?"
    )
}

/// A folder that goes when the run does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Scratch> {
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next run removes it if this one cannot.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What skeptic's tests printed.
#[derive(Debug, Default)]
struct Skeptic {
    ends: BTreeMap<String, bool>,
    text: String,
}

impl Skeptic {
    fn read(stdout: &str, stderr: &str) -> Skeptic {
        let mut ends = BTreeMap::new();
        for line in stdout.lines() {
            let Some((name, end)) = line.strip_prefix("test ").and_then(|l| l.rsplit_once(" ... ")) else {
                continue;
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            ends.insert(name.to_owned(), end == "ok");
        }
        Skeptic {
            ends,
            text: format!("{stdout}{stderr}"),
        }
    }
}

fn read_note<T: DeserializeOwned>(notes: &Path, id: usize, what: &str) -> Result<Option<T>> {
    match std::fs::read(stand_in::note(notes, id, what)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

#[allow(clippy::too_many_arguments)]
fn judge(
    block: &Block,
    wanted: &Wanted,
    notes: &Path,
    id: usize,
    test: &str,
    skeptic: &Skeptic,
    recipe: &Recipe,
    budget: Duration,
) -> Result<(Vec<Finding>, String)> {
    let compiled = read_note::<Compiled>(notes, id, "compiled")?;
    let ran = read_note::<Ran>(notes, id, "ran")?;
    let edition = recipe.edition();
    let judged = match &compiled {
        None => Err(vec![unknown(block, skeptic, "skeptic did not compile this block")]),
        Some(compiled) if compiled.late => {
            let what = format!("rustc did not finish in {} s and was ended", budget.as_secs());
            Err(vec![Finding::new(
                &block.page,
                block.line,
                what,
                "shorten the block, or move it to a listing",
            )])
        }
        Some(compiled) if wanted.ends == Ends::NotCompiled => refused(block, wanted, compiled, edition),
        Some(compiled) if !compiled.ok => Err(errors(block, compiled)),
        Some(_) => match &ran {
            None => Err(vec![unknown(
                block,
                skeptic,
                "skeptic compiled this block and did not run it",
            )]),
            Some(ran) => ended(block, wanted, ran, edition, budget),
        },
    };
    Ok(match judged {
        // skeptic has the last word on what it ran.
        Ok(_) if skeptic.ends.get(test) != Some(&true) => (
            vec![unknown(block, skeptic, &format!("skeptic's test {test} did not pass"))],
            String::new(),
        ),
        Ok(detail) => (Vec::new(), detail),
        Err(findings) => (findings, String::new()),
    })
}

fn unknown(block: &Block, skeptic: &Skeptic, what: &str) -> Finding {
    let text = skeptic.text.trim();
    let from = text.rmatch_indices('\n').nth(30).map_or(0, |(at, _)| at + 1);
    Finding::new(
        &block.page,
        block.line,
        format!("{what}; it printed:\n{}", indent(&text[from..])),
        format!("cargo book test {}", block.page),
    )
}

/// A line of rustc's or of a panic, if it is one of the block's.
fn within_block(block: &Block, line: Option<usize>) -> usize {
    line.filter(|line| (block.line..block.end_line).contains(line))
        .unwrap_or(block.line)
}

fn errors(block: &Block, compiled: &Compiled) -> Vec<Finding> {
    let at = |line| within_block(block, line);
    compiled
        .errors
        .iter()
        .map(|e| {
            Finding::new(
                &block.page,
                at(e.line),
                format!("does not compile\n{}", indent(&e.rendered)),
                "correct the code",
            )
        })
        .collect()
}

fn refused(block: &Block, wanted: &Wanted, compiled: &Compiled, edition: &str) -> Result<String, Vec<Finding>> {
    let one = |line, what: String, fix: String| Err(vec![Finding::new(&block.page, line, what, fix)]);
    let list = |codes: &BTreeSet<String>| codes.iter().cloned().collect::<Vec<_>>();
    let said = format!("compile_fail,{}", list(&wanted.codes).join(","));
    if compiled.ok {
        return one(
            block.line,
            format!(
                "compiles, and the page says that it does not ({})",
                said.trim_end_matches(',')
            ),
            "take `compile_fail` away, or show code that rustc refuses".into(),
        );
    }
    let is_code = |code: &&String| code.starts_with('E') && code[1..].bytes().all(|b| b.is_ascii_digit());
    let got: BTreeSet<String> = compiled
        .errors
        .iter()
        .filter_map(|e| e.code.as_ref())
        .filter(is_code)
        .cloned()
        .collect();
    let text: Vec<&str> = compiled.errors.iter().map(|e| e.rendered.as_str()).collect();
    let text = indent(&text.join("\n"));
    if wanted.codes.is_empty() && !got.is_empty() {
        let codes = list(&got);
        let fix = format!("write ```rust,compile_fail,{}", codes.join(","));
        return one(
            block.line,
            format!("name the code: rustc says {}\n{text}", codes.join(" and ")),
            fix,
        );
    }
    if wanted.codes != got {
        let first = compiled
            .errors
            .iter()
            .find(|e| e.code.as_ref().is_none_or(|c| !wanted.codes.contains(c)));
        let says = if got.is_empty() {
            "something without a code".to_owned()
        } else {
            list(&got).join(" and ")
        };
        let what = format!(
            "the page says {}, rustc says {says}\n{text}",
            list(&wanted.codes).join(" and ")
        );
        return one(
            within_block(block, first.and_then(|e| e.line)),
            what,
            "correct the code, or the page".into(),
        );
    }
    let codes = if got.is_empty() {
        "an error that has no code".to_owned()
    } else {
        list(&got).join(" and ")
    };
    Ok(format!("refused by rustc with {codes}, edition {edition}"))
}

fn ended(block: &Block, wanted: &Wanted, ran: &Ran, edition: &str, budget: Duration) -> Result<String, Vec<Finding>> {
    let one = |line, what: String, fix: &str| Err(vec![Finding::new(&block.page, line, what, fix)]);
    let Some(code) = ran.code else {
        let what = format!("did not finish in {} s and was ended", budget.as_secs());
        return one(block.line, what, "let the block end by itself, or move it to a listing");
    };
    let panic = Panic::of(&ran.stderr);
    let printed = if ran.stderr.trim().is_empty() {
        String::new()
    } else {
        format!("\n{}", indent(ran.stderr.trim_end()))
    };
    match (wanted.ends, panic) {
        // 101 from a panic that unwinds, 134 from one that aborts.
        (Ends::Panicking, Some(_)) if matches!(code, 101 | 134) => {
            Ok(format!("compiled, run, and panicked, edition {edition}"))
        }
        (Ends::Panicking, _) => one(
            block.line,
            format!("does not panic, and the page says that it does: it ended with {code}{printed}"),
            "take `should_panic` away, or show code that panics",
        ),
        (_, _) if code == 0 => Ok(format!("compiled and run, edition {edition}")),
        (_, Some(panic)) => {
            let line = (panic.file == block.page).then_some(panic.line);
            let place = if line.is_some() {
                String::new()
            } else {
                format!(" at {}:{}", panic.file, panic.line)
            };
            let what = format!("panics{place}\n{}", indent(&panic.message));
            one(
                within_block(block, line),
                what,
                "correct the code; or, if that is the lesson, write ```rust,should_panic",
            )
        }
        (_, None) => one(block.line, format!("ended with {code}{printed}"), "correct the code"),
    }
}

/// A panic, as Rust's own hook prints it.
struct Panic {
    file: String,
    line: usize,
    message: String,
}

impl Panic {
    fn of(stderr: &str) -> Option<Panic> {
        static PATTERN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?m)^thread .* panicked at (.+):(\d+):\d+:$").expect("a constant pattern"));
        let found = PATTERN.captures(stderr)?;
        let rest = &stderr[found.get(0)?.end()..];
        let end = rest.find("\nnote: run with `RUST_BACKTRACE").unwrap_or(rest.len());
        let message = rest[..end].trim_matches('\n').to_owned();
        Some(Panic {
            file: found[1].to_owned(),
            line: found[2].parse().ok()?,
            message,
        })
    }
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_read_with_its_place() {
        let text = "before\n\nthread 'main' (77) panicked at src/a b.md:5:1:\nassertion `left == right` failed\n  left: 1\n right: 2\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let panic = Panic::of(text).unwrap();
        assert_eq!((panic.file.as_str(), panic.line), ("src/a b.md", 5));
        assert_eq!(panic.message, "assertion `left == right` failed\n  left: 1\n right: 2");
        assert!(Panic::of("it panicked at noon\n").is_none());
    }

    #[test]
    fn skeptic_s_words_are_read() {
        let said = Skeptic::read(
            "\ntest a_line_1 ... ok\ntest b - should panic ... FAILED\ntest c ... ok\n",
            "",
        );
        assert_eq!(
            said.ends,
            BTreeMap::from([("a_line_1".into(), true), ("b".into(), false), ("c".into(), true)])
        );
    }
}
