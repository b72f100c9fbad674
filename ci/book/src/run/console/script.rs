//! The text of a console block, as commands and the output that the page shows below each.

use std::process::{Command, Stdio};

use crate::model::{Block, Finding};

/// The commands of one block.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// In order; never empty in a script that was read.
    pub steps: Vec<Step>,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Its line on the page, from 1.
    pub line: usize,
    /// What a reader pastes, prompts taken out.
    pub command: String,
    /// The page's line on which its output begins, or would begin.
    pub output_line: usize,
    /// The output that the page shows, without blanks at line ends and without empty lines at the end.
    pub expected: Vec<String>,
}

impl Script {
    /// Reads a block: `$ ` begins a command; a command that bash finds unfinished goes on in the next line, after
    /// `> ` if that stands there; all else is output.
    pub fn of(block: &Block) -> Result<Script, Vec<Finding>> {
        let find = |line: usize, what: &str, fix: &str| vec![Finding::new(&block.page, line, what, fix)];
        let mut steps: Vec<Step> = Vec::new();
        let mut lines = block
            .text
            .lines()
            .enumerate()
            .map(|(i, line)| (block.line + 1 + i, line))
            .peekable();
        while let Some((line, text)) = lines.next() {
            let Some(first) = text.strip_prefix("$ ") else {
                match steps.last_mut() {
                    Some(step) => step.expected.push(text.trim_end().to_owned()),
                    None if text.trim().is_empty() => {}
                    None => {
                        return Err(find(
                            line,
                            "output without a command above it",
                            "begin the block with `$ COMMAND`",
                        ));
                    }
                }
                continue;
            };
            let mut command = first.to_owned();
            let mut last = line;
            while is_unfinished(&command) {
                let Some((at, more)) = lines.next() else {
                    return Err(find(
                        line,
                        "this command is not finished",
                        "close its quote, its bracket or its heredoc",
                    ));
                };
                let more = more
                    .strip_prefix("> ")
                    .or_else(|| (more == ">").then_some(""))
                    .unwrap_or(more);
                command.push('\n');
                command.push_str(more);
                last = at;
            }
            steps.push(Step {
                line,
                command,
                output_line: last + 1,
                expected: Vec::new(),
            });
        }
        for step in &mut steps {
            while step.expected.last().is_some_and(String::is_empty) {
                step.expected.pop();
            }
        }
        if steps.is_empty() {
            return Err(find(
                block.line,
                "a console block without a command",
                "begin a line with `$ COMMAND`",
            ));
        }
        Ok(Script { steps })
    }
}

/// Whether bash would print its second prompt and wait.
fn is_unfinished(command: &str) -> bool {
    let backslashes = command.len() - command.trim_end_matches('\\').len();
    let complex = ['\'', '"', '`', '(', '{', '[', '<', '|', '&', ';', '\n', '$', '!']
        .iter()
        .any(|c| command.contains(*c))
        || command.split_whitespace().next().is_some_and(|w| {
            matches!(
                w,
                "if" | "for" | "while" | "until" | "case" | "select" | "function" | "time"
            )
        });
    if backslashes % 2 == 1 {
        return true;
    }
    if !complex {
        return false;
    }
    // bash itself knows best; `-n` reads and does not run.
    let out = Command::new("bash")
        .args(["--noprofile", "--norc", "-n", "-c", command])
        .env("LC_ALL", "C")
        .env_remove("BASH_ENV")
        .stdin(Stdio::null())
        .output();
    let Ok(out) = out else { return false };
    let said = String::from_utf8_lossy(&out.stderr);
    ["unexpected end of file", "unexpected EOF", "delimited by end-of-file"]
        .iter()
        .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    fn block(text: &str) -> Block {
        Block {
            page: "src/a.md".into(),
            line: 10,
            end_line: 11 + text.lines().count(),
            lang: "console".into(),
            attrs: Default::default(),
            text: text.into(),
            origin: Origin::Console,
            format: None,
        }
    }

    fn steps(text: &str) -> Vec<(usize, String, usize, String)> {
        let script = Script::of(&block(text)).unwrap();
        script
            .steps
            .into_iter()
            .map(|s| (s.line, s.command, s.output_line, s.expected.join("|")))
            .collect()
    }

    fn step(line: usize, command: &str, output_line: usize, expected: &str) -> (usize, String, usize, String) {
        (line, command.into(), output_line, expected.into())
    }

    #[test]
    fn commands_and_their_output_are_told_apart() {
        assert_eq!(
            steps("\n$ echo one; echo\none  \n\n$ true\n$ printf '%s\\n' '> x'\n> x\n\n"),
            [
                step(12, "echo one; echo", 13, "one"),
                step(15, "true", 16, ""),
                step(16, "printf '%s\\n' '> x'", 17, "> x"),
            ]
        );
    }

    #[test]
    fn an_unfinished_command_goes_on() {
        assert_eq!(
            steps(
                "$ echo a \\\n> b\na b\n$ cat <<'END'\n> $ not a prompt\n>\nplain\n> END\n$ not a prompt\n$ echo 'x\ny'\nx\ny\n"
            ),
            [
                step(11, "echo a \\\nb", 13, "a b"),
                step(14, "cat <<'END'\n$ not a prompt\n\nplain\nEND", 19, ""),
                step(19, "not a prompt", 20, ""),
                step(20, "echo 'x\ny'", 22, "x|y"),
            ]
        );
        assert_eq!(
            steps("$ for n in 1 2; do\n>   echo $n\n> done\n1\n2\n$ ls |\n> cat\n$ echo \"it's\"\nit's\n"),
            [
                step(11, "for n in 1 2; do\n  echo $n\ndone", 14, "1|2"),
                step(16, "ls |\ncat", 18, ""),
                step(18, "echo \"it's\"", 19, "it's"),
            ]
        );
    }

    #[test]
    fn what_no_shell_could_run_is_a_finding() {
        let said = |text: &str| {
            let findings = Script::of(&block(text)).unwrap_err();
            format!("{}: {}", findings[0].line, findings[0].what)
        };
        assert_eq!(said("\nhello\n$ true\n"), "12: output without a command above it");
        assert_eq!(said("$ true\n$ echo 'open\n"), "12: this command is not finished");
        assert_eq!(said("\n"), "10: a console block without a command");
        assert_eq!(said("#\n"), "11: output without a command above it");
    }
}
