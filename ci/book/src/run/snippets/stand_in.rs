//! What this program does in rustc's place: the roles in which cargo and skeptic start it.
//!
//! | who starts it | role | what it does |
//! |---|---|---|
//! | cargo, as `RUSTC_WORKSPACE_WRAPPER` | `record` | notes how cargo compiles the test target, then is rustc |
//! | skeptic, as `RUSTC` | `rustc` | compiles a block in that same way, and notes what rustc said |
//! | skeptic, as the block's program | `rustc`, under the name `out.exe` | runs it within the budget, and notes how it ended |
//! | the console runner | `keep` | see [`keeper`](crate::run::console::keeper) |
//!
//! skeptic chooses edition and libraries by itself, from what lies in the target folder. cargo knows better: one
//! folder holds several builds of a crate, and only cargo's own command line names the right ones.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::bounded;
use super::source;
use crate::run::console::keeper;

/// Which role; unset in every other process.
pub const ROLE: &str = "BOOK_ROLE";
/// Folder in which the roles leave their notes.
pub const NOTES: &str = "BOOK_SNIPPET_NOTES";
/// The file with cargo's command line.
pub const RECIPE: &str = "BOOK_SNIPPET_RECIPE";
/// Seconds that compiling or running one block may take.
pub const BUDGET: &str = "BOOK_SNIPPET_BUDGET";
/// The test target, and so the name of its crate.
pub const TARGET: &str = "skeptic";

/// How cargo compiles the test target.
#[derive(Debug, Deserialize, Serialize)]
pub struct Recipe {
    rustc: String,
    dir: PathBuf,
    args: Vec<String>,
}

impl Recipe {
    /// `2024`, `2021`, …
    pub fn edition(&self) -> &str {
        self.args
            .iter()
            .find_map(|a| a.strip_prefix("--edition="))
            .unwrap_or("2015")
    }
}

/// An error of rustc.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Refusal {
    /// Line of the page; `None` if rustc names none on the page.
    pub line: Option<usize>,
    /// `E0382`; not every error has one.
    pub code: Option<String>,
    /// As rustc prints it.
    pub rendered: String,
}

/// What rustc said of a block.
#[derive(Debug, Deserialize, Serialize)]
pub struct Compiled {
    /// Whether there is a program.
    pub ok: bool,
    /// Whether rustc was ended because the budget was spent.
    pub late: bool,
    /// Its errors.
    pub errors: Vec<Refusal>,
}

/// How a block's program ended.
#[derive(Debug, Deserialize, Serialize)]
pub struct Ran {
    /// Exit code, as a shell counts. `None`: ended because the budget was spent.
    pub code: Option<i32>,
    /// What it printed to standard output.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
}

/// Where the notes on a block lie.
pub fn note(notes: &Path, id: usize, what: &str) -> PathBuf {
    notes.join(format!("{id}.{what}.json"))
}

/// Plays the role that the environment names. `None`: there is none, and the program goes on as itself.
pub fn main() -> Option<ExitCode> {
    let role = std::env::var(ROLE).ok()?;
    let args: Vec<OsString> = std::env::args_os().collect();
    let own = args.first().map(Path::new).and_then(Path::file_name);
    let done = match role.as_str() {
        "record" => record(&args),
        "rustc" if own == Some(OsStr::new("out.exe")) => run(Path::new(&args[0])),
        "rustc" => compile(&args[1..]),
        role => {
            return match role.strip_prefix("keep:") {
                Some(token) => Some(keeper::main(token, args.into_iter().skip(1))),
                None => {
                    eprintln!("{ROLE}={role}: there is no such role\n  fix: unset {ROLE}");
                    Some(ExitCode::from(2))
                }
            };
        }
    };
    Some(done.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(2)
    }))
}

fn become_rustc(rustc: &OsStr, args: &[OsString]) -> Result<ExitCode> {
    let error = Command::new(rustc).args(args).env_remove(ROLE).exec();
    Err(error).with_context(|| format!("{} does not start", rustc.to_string_lossy()))
}

fn record(args: &[OsString]) -> Result<ExitCode> {
    let [_, rustc, args @ ..] = args else {
        anyhow::bail!("cargo names no rustc")
    };
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let value = |name: &str| words.iter().skip_while(|w| *w != name).nth(1).map(String::as_str);
    if value("--crate-name") == Some(TARGET) && words.iter().any(|w| w == "--test") {
        let hash = words
            .iter()
            .find_map(|w| w.strip_prefix("extra-filename="))
            .unwrap_or_default();
        let file = Path::new(value("--out-dir").unwrap_or_default()).join(format!("{TARGET}{hash}.recipe"));
        let recipe = Recipe {
            rustc: rustc.to_string_lossy().into_owned(),
            dir: std::env::current_dir()?,
            args: kept(&words),
        };
        std::fs::write(&file, serde_json::to_vec(&recipe)?).with_context(|| file.display().to_string())?;
    }
    become_rustc(rustc, args)
}

/// Of cargo's arguments, those that say what a block may use and how it is linked. Lints are left out: what a page
/// shows need not be free of warnings.
fn kept(words: &[String]) -> Vec<String> {
    const CODEGEN: [&str; 6] = [
        "linker=",
        "link-arg=",
        "link-args=",
        "linker-flavor=",
        "target-cpu=",
        "target-feature=",
    ];
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-L" | "--extern" | "--target" | "--cfg" | "--sysroot" => {
                let value = words.next().cloned().unwrap_or_default();
                if !value.starts_with(&format!("{TARGET}=")) {
                    kept.extend([word.clone(), value]);
                }
            }
            "-C" => {
                let value = words.next().cloned().unwrap_or_default();
                if CODEGEN.iter().any(|name| value.starts_with(name)) {
                    kept.extend([word.clone(), value]);
                }
            }
            _ if word.starts_with("--edition") || word.starts_with("--target=") => kept.push(word.clone()),
            _ => {}
        }
    }
    kept
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    #[serde(default)]
    message: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    is_primary: bool,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

/// The line of the page that a span is on, or that the macro was called on which it is in.
fn line_on(page: &str, span: &Span) -> Option<usize> {
    if span.file_name == page {
        return Some(span.line_start);
    }
    span.expansion.as_ref().and_then(|e| line_on(page, &e.span))
}

fn refusals(page: &str, stderr: &str) -> Vec<Refusal> {
    let mut found = Vec::new();
    for line in stderr.lines() {
        let Ok(said) = serde_json::from_str::<Diagnostic>(line) else {
            continue;
        };
        if !said.level.starts_with("error") || said.message.starts_with("aborting due to") {
            continue;
        }
        let primary = said
            .spans
            .iter()
            .filter(|s| s.is_primary)
            .find_map(|s| line_on(page, s));
        found.push(Refusal {
            line: primary.or_else(|| said.spans.iter().find_map(|s| line_on(page, s))),
            code: said.code.map(|c| c.code),
            rendered: said.rendered.unwrap_or(said.message).trim_end().to_owned(),
        });
    }
    if found.is_empty() {
        found.push(Refusal {
            line: None,
            code: None,
            rendered: stderr.trim().to_owned(),
        });
    }
    found
}

fn env_path(name: &str) -> Result<PathBuf> {
    std::env::var_os(name)
        .map(PathBuf::from)
        .with_context(|| format!("{name} is not set"))
}

fn budget() -> Duration {
    Duration::from_secs(std::env::var(BUDGET).ok().and_then(|s| s.parse().ok()).unwrap_or(60))
}

fn compile(args: &[OsString]) -> Result<ExitCode> {
    let recipe: Recipe = serde_json::from_slice(&std::fs::read(env_path(RECIPE)?)?)?;
    let written = args
        .first()
        .map(Path::new)
        .filter(|p| p.extension() == Some(OsStr::new("rs")));
    let block = written
        .and_then(|p| std::fs::read_to_string(p).ok())
        .and_then(|text| source::restore(&text));
    let out = args.iter().skip_while(|a| *a != "-o").nth(1).map(PathBuf::from);
    let (Some((label, text)), Some(out)) = (block, out) else {
        // cargo asks rustc for its version, say.
        return become_rustc(OsStr::new(&recipe.rustc), args);
    };
    let dir = out.parent().context("skeptic names no folder")?;
    let program = dir.join("program");
    let file = dir.join("page.rs");
    std::fs::write(&file, text)?;
    let mut rustc = Command::new(&recipe.rustc);
    rustc
        .current_dir(&recipe.dir)
        .args(&recipe.args)
        .args(["--crate-name=block", "--crate-type=bin", "--error-format=json"])
        // Diagnostics and panics then name the page; its lines are right already.
        .arg(format!("--remap-path-prefix={}={}", file.display(), label.page))
        .arg("-o")
        .args([&program, &file])
        .env_remove(ROLE);
    let ended = bounded::run(rustc, budget())?;
    let ok = ended.code == Some(0);
    let errors = if ok {
        Vec::new()
    } else {
        refusals(&label.page, &ended.stderr)
    };
    for error in &errors {
        eprintln!("{}", error.rendered);
    }
    let said = Compiled {
        ok,
        late: ended.code.is_none(),
        errors,
    };
    std::fs::write(
        note(&env_path(NOTES)?, label.id, "compiled"),
        serde_json::to_vec(&said)?,
    )?;
    if !ok || label.compile_only {
        // A block that is not to compile is not run either: skeptic takes both for the failure that it expects.
        return Ok(ExitCode::FAILURE);
    }
    std::fs::write(dir.join("id"), label.id.to_string())?;
    std::os::unix::fs::symlink(crate::run::own_path()?, &out)?;
    Ok(ExitCode::SUCCESS)
}

fn run(own: &Path) -> Result<ExitCode> {
    let dir = own.parent().context("started without its folder")?;
    let id = std::fs::read_to_string(dir.join("id"))?.parse()?;
    let notes = env_path(NOTES)?;
    let here = dir.join("here");
    std::fs::create_dir(&here)?;
    let mut program = Command::new(dir.join("program"));
    program.current_dir(&here);
    let ours: BTreeSet<OsString> = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("BOOK_")
                || name.starts_with("CARGO")
                || name.starts_with("RUST")
                || name == "LLVM_PROFILE_FILE"
        })
        .collect();
    for name in ours {
        program.env_remove(name);
    }
    let ended = bounded::run(program, budget())?;
    // For skeptic, which shows what a failed test printed.
    std::io::stdout().write_all(ended.stdout.as_bytes())?;
    std::io::stderr().write_all(ended.stderr.as_bytes())?;
    let code = ended.code;
    std::fs::write(
        note(&notes, id, "ran"),
        serde_json::to_vec(&Ran {
            code,
            stdout: ended.stdout,
            stderr: ended.stderr,
        })?,
    )?;
    Ok(ExitCode::from(code.and_then(|c| u8::try_from(c).ok()).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cargo_s_arguments_those_that_find_crates_are_kept() {
        let words = "--crate-name skeptic --edition=2024 tests/skeptic.rs --error-format=json -C debuginfo=2 --test --cfg \
                     feature=\"a\" --warn=missing_docs -C metadata=1 -C linker=cc --out-dir /t/deps -L dependency=/t/deps \
                     --extern tokio=/t/libtokio.rlib --extern skeptic=/t/libskeptic.rlib -L native=/t/ring";
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        assert_eq!(
            kept(&words).join(" "),
            "--edition=2024 --cfg feature=\"a\" -C linker=cc -L dependency=/t/deps --extern tokio=/t/libtokio.rlib -L \
             native=/t/ring"
        );
    }

    #[test]
    fn an_error_is_where_the_page_is() {
        let at = |file: &str, line: usize, primary: bool, expansion: &str| {
            format!(
                "{{\"file_name\":\"{file}\",\"line_start\":{line},\"is_primary\":{primary},\"expansion\":{expansion}}}"
            )
        };
        let error = |code: &str, spans: &[String]| {
            format!(
                "{{\"level\":\"error\",\"message\":\"m\",\"code\":{code},\"spans\":[{}],\"rendered\":\"r\\n\"}}",
                spans.join(",")
            )
        };
        let inner = at("src/a.md", 7, false, "null");
        let text = [
            "{\"level\":\"warning\",\"message\":\"w\",\"spans\":[]}".to_owned(),
            error(
                "{\"code\":\"E0308\"}",
                &[at("src/a.md", 3, false, "null"), at("src/a.md", 5, true, "null")],
            ),
            error("null", &[at("/std.rs", 900, true, &format!("{{\"span\":{inner}}}"))]),
            "{\"level\":\"error\",\"message\":\"aborting due to 2 previous errors\",\"spans\":[]}".to_owned(),
        ];
        let found: Vec<_> = refusals("src/a.md", &text.join("\n"))
            .into_iter()
            .map(|r| (r.line, r.code, r.rendered))
            .collect();
        assert_eq!(
            found,
            [(Some(5), Some("E0308".into()), "r".into()), (Some(7), None, "r".into())]
        );
        assert_eq!(refusals("src/a.md", "killed\n")[0].rendered, "killed");
    }
}
