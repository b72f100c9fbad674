//! Shell sessions of a page: its `console` blocks, run in order in one bash, as a reader would paste them.
//!
//! | module | what lives there |
//! |---|---|
//! | `script` | a block's text: commands and the output that the page shows |
//! | `session` | the bash, its environment, its budget |
//! | `compare` | shown output against real output; the two merged |
//! | `matchers` | what may differ from run to run, by name |
//! | `keeper`, `processes` | that nothing outlives the session |
//! | `kept` | a single program under a keeper |

pub(crate) mod compare;
pub mod keeper;
pub mod kept;
pub mod matchers;
pub mod processes;
mod script;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path};
use std::time::Duration;

use anyhow::{Context, Result};
use similar::TextDiff;

use crate::model::{Block, BlockResult, Finding, Root};
use compare::{Comparison, compare};
use matchers::Matchers;
use processes::Process;
use script::{Script, Step};
use session::{End, Session};

/// What a page's sessions gave.
#[derive(Clone, Debug, Default)]
pub struct ConsoleRun {
    /// One for each block.
    pub results: Vec<BlockResult>,
    /// With `bless`, and when something differs: the page's new text.
    pub rewritten: Option<String>,
    /// Files of the repository that the commands used, where known. Empty: a shell does not say.
    pub used: Vec<String>,
}

/// Runs the blocks of one page, which must be in the order of the page.
///
/// `budget` is for each command; a block's `budget=SECONDS` goes before it. With `bless`, output that differs is
/// no finding: the text with the real output comes back. The shell gets these variables over its own.
///
/// # Errors
///
/// When there is no bash, or the page cannot be read.
pub fn run(
    root: &Root,
    page: &str,
    blocks: &[&Block],
    bless: bool,
    budget: Duration,
    variables: &[(&str, OsString)],
) -> Result<ConsoleRun> {
    if blocks.is_empty() {
        return Ok(ConsoleRun::default());
    }
    let text = std::fs::read_to_string(root.join(page)).with_context(|| format!("{page} cannot be read"))?;
    let mut lesson = Lesson {
        root,
        page,
        bless,
        started: BTreeMap::new(),
        last_start: blocks[0].line,
        edits: Vec::new(),
        stopped: None,
    };
    let mut session = Session::start(&root.path, variables)?;
    let mut results = Vec::new();
    for block in blocks {
        let (findings, detail) = match Plan::of(block, budget) {
            Ok(plan) => {
                let findings = lesson.block(&mut session, block, &plan)?;
                (findings, plan.detail())
            }
            Err(findings) => (findings, String::new()),
        };
        let detail = if findings.is_empty() { detail } else { String::new() };
        results.push(BlockResult {
            page: page.to_owned(),
            line: block.line,
            findings,
            detail,
        });
    }
    if lesson.stopped.is_none() {
        for (process, line) in lesson.left_running(&session) {
            let command = session.name_of(&process);
            let what = format!(
                "leaves {command} running (process {}); stop it on the page",
                process.pid
            );
            let finding = Finding::new(page, line, what, "end it there: kill %1, or its own command for that");
            // The last block that begins at or before the command that started it.
            if let Some(result) = results.iter_mut().rev().find(|r| r.line <= line) {
                result.findings.push(finding);
                result.detail.clear();
            }
        }
    }
    session.end();
    let rewritten = (!lesson.edits.is_empty()).then(|| lesson.rewrite(&text));
    Ok(ConsoleRun {
        results,
        rewritten,
        used: Vec::new(),
    })
}

/// The commands of a block, as pasted; of one that does not read, none.
pub fn commands(block: &Block) -> Vec<String> {
    let script = Script::of(block).unwrap_or_default();
    script.steps.into_iter().map(|step| step.command).collect()
}

/// A block, read.
struct Plan {
    script: Script,
    dir: Option<String>,
    matchers: Matchers,
    last_code: i32,
    budget: Duration,
}

impl Plan {
    fn of(block: &Block, budget: Duration) -> Result<Plan, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut find = |what: String, fix: &str| findings.push(Finding::new(&block.page, block.line, what, fix));
        let matchers = Matchers::of(block.attr("match").unwrap_or_default()).unwrap_or_else(|name| {
            find(
                format!("there is no matcher `{name}`"),
                &format!("use some of: {}", matchers::names().join(", ")),
            );
            Matchers::default()
        });
        let last_code = number(block, "exit", 0, &mut find);
        let seconds = number(block, "budget", budget.as_secs() as i32, &mut find);
        let script = Script::of(block).unwrap_or_else(|wrong| {
            findings.extend(wrong);
            Script::default()
        });
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Plan {
            script,
            dir: block.attr("dir").map(str::to_owned),
            matchers,
            last_code,
            budget: Duration::from_secs(u64::try_from(seconds).unwrap_or(1).max(1)),
        })
    }

    fn detail(&self) -> String {
        let commands = match self.script.steps.len() {
            1 => "1 command run in bash, its output compared".to_owned(),
            n => format!("{n} commands run in bash, their output compared"),
        };
        match self.matchers.used().join(", ") {
            names if names.is_empty() => commands,
            names => format!("{commands} ({names} by pattern)"),
        }
    }
}

fn number(block: &Block, name: &str, default: i32, find: &mut impl FnMut(String, &str)) -> i32 {
    let Some(text) = block.attr(name) else { return default };
    text.parse().ok().filter(|n: &i32| *n >= 0).unwrap_or_else(|| {
        find(
            format!("`{name}={text}` is not a number"),
            &format!("write {name}=NUMBER"),
        );
        default
    })
}

/// Lines of the page, from 1, that give way to others.
struct Edit {
    from: usize,
    until: usize,
    lines: Vec<String>,
}

/// What one page has done so far.
struct Lesson<'a> {
    root: &'a Root,
    page: &'a str,
    bless: bool,
    /// Every process seen after a command (its id and start), and the line of that command.
    started: BTreeMap<(u32, u64), usize>,
    /// The line after which something ran on, most recently.
    last_start: usize,
    edits: Vec<Edit>,
    /// Why nothing more runs.
    stopped: Option<String>,
}

impl Lesson<'_> {
    fn block(&mut self, session: &mut Session, block: &Block, plan: &Plan) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        if let Some(dir) = &plan.dir
            && self.stopped.is_none()
        {
            let leads_out = Path::new(dir)
                .components()
                .any(|c| !matches!(c, Component::Normal(_) | Component::CurDir));
            let path = self.root.join(dir);
            if leads_out || !path.is_dir() {
                let what = format!("`dir={dir}` is not a folder of the book");
                return Ok(vec![Finding::new(
                    self.page,
                    block.line,
                    what,
                    "name a folder, from the book's root",
                )]);
            }
            session.enter(&path, plan.budget)?;
        }
        for (i, step) in plan.script.steps.iter().enumerate() {
            if let Some(why) = &self.stopped {
                let what = format!("not run: {why}");
                findings.push(Finding::new(self.page, step.line, what, "correct what comes before it"));
                break;
            }
            let code = if i + 1 == plan.script.steps.len() {
                plan.last_code
            } else {
                0
            };
            findings.extend(self.step(session, plan, step, code)?);
        }
        Ok(findings)
    }

    fn step(&mut self, session: &mut Session, plan: &Plan, step: &Step, code: i32) -> Result<Vec<Finding>> {
        let ended = session.run(&step.command, plan.budget)?;
        for process in session.processes() {
            self.started.entry((process.pid, process.started)).or_insert(step.line);
            self.last_start = step.line;
        }
        let command = step.command.lines().next().unwrap_or_default();
        let one = |what: String, fix: &str| Ok(vec![Finding::new(self.page, step.line, what, fix)]);
        let output = shown_to_reader(&ended.output);
        let printed = if output.is_empty() {
            String::new()
        } else {
            format!("\n{}", quote(&output))
        };
        let got = match ended.end {
            End::Code(got) => got,
            End::Shell(got) => {
                self.stopped = Some(format!("the shell ended at line {}", step.line));
                got
            }
            End::Late => {
                self.stopped = Some(format!("the command of line {} did not finish", step.line));
                let what = format!(
                    "`{command}` did not finish in {} s and was ended{printed}",
                    plan.budget.as_secs()
                );
                return one(
                    what,
                    "let it end by itself, end it on the page, or give the block budget=SECONDS",
                );
            }
            End::Flood => {
                self.stopped = Some(format!("the command of line {} printed without end", step.line));
                let what = format!(
                    "`{command}` printed more than {} MB and was ended",
                    session::FLOOD >> 20
                );
                return one(what, "let it print less");
            }
        };
        if got != code {
            let missing = (got == 127).then(|| not_found(&output)).flatten();
            let what = match missing {
                Some(name) => format!("`{name}`: there is no such command here (`{command}` ended with 127)"),
                None => format!("`{command}` ended with {got} instead of {code}{printed}"),
            };
            let fix = match missing {
                Some(_) => "cargo book doctor says what this machine lacks; or correct the command".to_owned(),
                None if code == 0 && got != 0 => format!("correct the command; or, if that is the lesson, exit={got}"),
                None => format!("correct the command, or exit={code}"),
            };
            return one(what, &fix);
        }
        match compare(&step.expected, &output, &plan.matchers) {
            Comparison::Same => Ok(Vec::new()),
            Comparison::TooLong => one(
                format!("`{command}` printed {} lines: too many to show", output.len()),
                "let it print less",
            ),
            Comparison::Differs { first, merged } => self.differs(step, first, merged, command),
        }
    }

    fn differs(&mut self, step: &Step, first: usize, merged: Vec<String>, command: &str) -> Result<Vec<Finding>> {
        // Where the page shows too little, at the last line that it shows; where nothing, at the command.
        let line = match step.expected.len() {
            0 => step.line,
            shown => step.output_line + first.min(shown - 1),
        };
        if let Some(odd) = merged
            .iter()
            .find(|l| l.starts_with("$ ") || l.trim_start().starts_with("```"))
        {
            let what = format!("`{command}` printed a line that a console block cannot show: {odd}");
            return Ok(vec![Finding::new(self.page, line, what, "let it print something else")]);
        }
        if self.bless {
            let from = step.output_line;
            self.edits.push(Edit {
                from,
                until: from + step.expected.len(),
                lines: merged,
            });
            return Ok(Vec::new());
        }
        let shown: String = step.expected.iter().map(|l| format!("{l}\n")).collect();
        let printed: String = merged.iter().map(|l| format!("{l}\n")).collect();
        let diff = TextDiff::from_lines(&shown, &printed)
            .unified_diff()
            .context_radius(2)
            .to_string();
        let diff: Vec<String> = diff.lines().map(|l| format!("    {l}")).collect();
        let what = format!(
            "the output of `{command}` differs (- the page, + the command)\n{}",
            diff.join("\n")
        );
        Ok(vec![Finding::new(
            self.page,
            line,
            what,
            format!("cargo book test --bless {}", self.page),
        )])
    }

    /// What still runs once the last command is done, and the line that started it.
    fn left_running(&self, session: &Session) -> Vec<(Process, usize)> {
        let left = session.left();
        let ids: BTreeSet<u32> = left.iter().map(|p| p.pid).collect();
        // What ends when another ends need not be stopped by itself.
        let topmost = left.into_iter().filter(|p| !ids.contains(&p.parent));
        topmost
            .map(|process| {
                let line = self
                    .started
                    .get(&(process.pid, process.started))
                    .copied()
                    .unwrap_or(self.last_start);
                (process, line)
            })
            .collect()
    }

    /// The page with the edits made; every other byte as it was.
    fn rewrite(&self, text: &str) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut out = String::new();
        let mut next = 1;
        for edit in &self.edits {
            out.extend(lines[next - 1..edit.from - 1].iter().copied());
            let above = lines.get(edit.from - 2).copied().unwrap_or_default();
            let ending = if above.ends_with("\r\n") { "\r\n" } else { "\n" };
            // The line above is the command: it has the indentation, or the `>` of a quote, that the output needs.
            let indent = self.indentation(&lines, edit.from - 1);
            for line in &edit.lines {
                out.push_str(format!("{indent}{line}").trim_end());
                out.push_str(ending);
            }
            next = edit.until;
        }
        out.extend(lines[next - 1..].iter().copied());
        out
    }

    /// What stands before the nearest `$ ` at or above a line, which is within a block.
    fn indentation(&self, lines: &[&str], line: usize) -> String {
        let found = lines[..line].iter().rev().find_map(|l| {
            let indent = &l[..l.len() - l.trim_start_matches([' ', '\t', '>']).len()];
            l[indent.len()..].starts_with("$ ").then(|| indent.to_owned())
        });
        found.unwrap_or_default()
    }
}

/// The name in bash's `bash: name: command not found`.
fn not_found(output: &[String]) -> Option<&str> {
    output
        .iter()
        .find_map(|l| l.strip_suffix(": command not found")?.rsplit(": ").next())
}

fn quote(lines: &[String]) -> String {
    let from = lines.len().saturating_sub(40);
    lines[from..]
        .iter()
        .map(|l| format!("    {l}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What remains on a terminal of what was sent to it: no colours, of each line what was written last, no blanks at
/// the ends. bash's line numbers go too: they count within this runner.
fn shown_to_reader(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output).replace("\r\n", "\n");
    let text = session::without_escapes(&text);
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default())
        .map(|line| {
            line.chars()
                .filter(|c| *c == '\t' || !c.is_control())
                .collect::<String>()
        })
        .filter_map(|line| session::as_typed(line.trim_end()))
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_terminal_leaves_is_shown() {
        let sent =
            b"\x1b[1;32mgreen\x1b[0m  \r\n\x1b]0;title\x0710%\r 50%\rdone\nbash: line 12: nope: command not found\n\
                     bash: line 3:  4242 Terminated              sleep 9\na\tb\x08\n\n\n";
        assert_eq!(
            shown_to_reader(sent),
            ["green", "done", "bash: nope: command not found", "a\tb"]
        );
        assert_eq!(not_found(&shown_to_reader(sent)), Some("nope"));
    }
}
