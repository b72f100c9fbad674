//! Shell sessions of pages.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use book::config::Config;
use book::model::{Block, Origin, Root};
use book::run::console::{ConsoleRun, run};
use libtest_mimic::{Failed, Trial};

/// Makes this program run a session that hangs, to be killed meanwhile.
pub const LESSON: &str = "BLOCKS_TEST_LESSON";

/// A page's text: what its sessions say, and with what they would be blessed.
fn session(text: &str, bless: bool) -> Result<(Vec<String>, ConsoleRun), Failed> {
    let dir = tempfile::tempdir()?;
    let root = Root {
        path: dir.path().to_path_buf(),
    };
    std::fs::create_dir_all(root.join("src"))?;
    std::fs::create_dir_all(root.join("listings/it's one"))?;
    std::fs::write(root.join("book.toml"), "")?;
    std::fs::write(root.join("src/a.md"), text)?;
    let config = Config::load(&root).map_err(|f| f.to_string())?;
    let mut findings = Vec::new();
    let page = book::page::parse(&root, &config, "src/a.md", text.into(), &mut findings);
    if !findings.is_empty() {
        return Err(format!("{findings:?}").into());
    }
    let blocks: Vec<&Block> = page.blocks.iter().filter(|b| b.origin == Origin::Console).collect();
    let ran = run(&root, "src/a.md", &blocks, bless, Duration::from_secs(20), &[])?;
    let said = ran
        .results
        .iter()
        .flat_map(|r| &r.findings)
        .map(ToString::to_string)
        .collect();
    Ok((said, ran))
}

/// The session says nothing.
fn holds(text: &str) -> Result<(), Failed> {
    let (said, ran) = session(text, false)?;
    if said.is_empty() && ran.results.iter().all(|r| !r.detail.is_empty()) {
        return Ok(());
    }
    Err(said.join("\n").into())
}

/// The session says this: each finding begins with the first word, and holds the others.
fn says(text: &str, expected: &[&[&str]]) -> Result<(), Failed> {
    let (said, _) = session(text, false)?;
    let good = said.len() == expected.len()
        && said
            .iter()
            .zip(expected)
            .all(|(s, e)| s.starts_with(e[0]) && e.iter().all(|word| s.contains(word)));
    if good {
        Ok(())
    } else {
        Err(format!("said:\n{}\nexpected: {expected:#?}", said.join("\n")).into())
    }
}

fn blessed(text: &str, expected: &str) -> Result<(), Failed> {
    let (said, ran) = session(text, true)?;
    if !said.is_empty() {
        return Err(said.join("\n").into());
    }
    match ran.rewritten {
        Some(new) if new == expected => {
            let (said, ran) = session(&new, true)?;
            if said.is_empty() && ran.rewritten.is_none() {
                Ok(())
            } else {
                Err("what was blessed does not hold".into())
            }
        }
        other => Err(format!("{other:#?}\ninstead of\n{expected}").into()),
    }
}

/// Whether a process with this at the end of its command line runs.
fn runs(marker: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .any(|command| {
            String::from_utf8_lossy(&command)
                .replace('\0', " ")
                .trim_end()
                .ends_with(marker)
        })
}

fn gone(marker: &str) -> Result<(), Failed> {
    if runs(marker) {
        Err(format!("{marker} still runs").into())
    } else {
        Ok(())
    }
}

/// Waits for a condition, with a budget.
fn until(what: &str, holds: impl Fn() -> bool) -> Result<(), Failed> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > Duration::from_secs(10) {
            return Err(format!("{what}: not within 10 s").into());
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    let holding: &[(&str, &str)] = &[
        (
            "output_as_shown",
            "```console\n$ echo one; echo two >&2\none\ntwo\n\n$ true\n$ printf 'no newline'\nno newline\n```\n",
        ),
        (
            "folder_and_variables_stay_between_blocks",
            "```console\n$ mkdir -p deep && cd deep\n$ greet() { echo \"hello $1\"; }; who=you\n```\n\n\
             ```console\n$ greet $who; basename \"$PWD\"\nhello you\ndeep\n```\n\n\
             ```console,dir=\"listings/it's one\"\n$ basename \"$PWD\"\nit's one\n```\n",
        ),
        (
            "exit_codes",
            "```console,exit=3\n$ true\n$ sh -c 'echo out; exit 3'\nout\n```\n\n```console\n$ echo $?\n3\n```\n",
        ),
        (
            "a_heredoc_and_a_loop",
            "```console\n$ cat <<'END'\n> a $x\n> END\na $x\n```\n\n```console\n$ for n in 1 2; do\n>   echo $n\n> done\n1\n2\n```\n",
        ),
        ("elided_lines", "```console\n$ seq 9\n1\n...\n9\n```\n"),
        (
            "what_may_differ",
            "```console match=time+pid\n$ date -u +%FT%TZ; echo \"pid $$\"\n2020-01-01T00:00:00Z\npid 1\n```\n",
        ),
        (
            "colours_and_carriage_returns_are_not_text",
            "```console\n$ printf '\\033[1mbold\\033[0m\\r\\n10%%\\r99%%\\r100%%\\n'\nbold\n100%\n```\n",
        ),
        (
            "no_input_and_no_terminal",
            "```console\n$ cat; test -t 0 || test -t 1 || echo none\nnone\n```\n",
        ),
        (
            "the_tool_s_variables_are_not_there",
            "```console\n$ env | grep -c -E '^(BOOK_|RUSTC|CARGO_PKG)' || true\n0\n$ echo $LC_ALL $TERM $NO_COLOR\nC.UTF-8 dumb 1\n```\n",
        ),
        (
            "a_server_that_the_page_stops",
            "```console\n$ tail -f /dev/null & server=$!\n```\n\n```console\n$ kill %1\n```\n",
        ),
        (
            "a_server_that_ends_itself_in_a_moment",
            "```console\n$ (sleep 0.2) &\n```\n",
        ),
        (
            "a_missing_command_as_the_lesson",
            "```console,exit=127\n$ no-such-command\nbash: no-such-command: command not found\n```\n",
        ),
    ];
    let saying: &[(&str, &str, &[&[&str]])] = &[
        (
            "output_that_differs",
            "\n```console\n$ printf 'one\\ntwo\\nthree\\n'\none\n2\nthree\n```\n",
            &[&[
                "src/a.md:5: the output of `printf",
                "    -2\n    +two\n",
                "fix: cargo book test --bless src/a.md",
            ]],
        ),
        (
            "output_that_is_not_shown",
            "```console\n$ true\n$ echo one\n```\n",
            &[&["src/a.md:3: ", "+one"]],
        ),
        (
            "too_little_output",
            "```console\n$ seq 3\n1\n2\n```\n",
            &[&["src/a.md:4: ", "+3"]],
        ),
        (
            "too_much_output",
            "```console\n$ seq 2\n1\n2\n3\n```\n",
            &[&["src/a.md:5: ", "-3"]],
        ),
        (
            "another_exit_code",
            "```console\n$ echo a; (exit 4)\na\n$ true\n```\n",
            &[&[
                "src/a.md:2: `echo a; (exit 4)` ended with 4 instead of 0\n    a",
                "exit=4",
            ]],
        ),
        (
            "no_failure_where_one_is_said",
            "```console,exit=1\n$ true\n```\n",
            &[&["src/a.md:2: `true` ended with 0 instead of 1"]],
        ),
        (
            "a_command_that_does_not_exist",
            "```console\n$ no-such-command --now\n$ echo on\non\n```\n",
            &[&[
                "src/a.md:2: `no-such-command`: there is no such command here",
                "cargo book doctor",
            ]],
        ),
        (
            "a_syntax_error",
            "```console\n$ echo )\n```\n",
            &[&["src/a.md:2: `echo )` ended with ", "syntax error"]],
        ),
        (
            "the_shell_ends",
            "```console\n$ echo bye; exit 0\nbye\n$ echo never\nnever\n```\n\n```console\n$ true\n```\n",
            &[
                &["src/a.md:4: not run: the shell ended at line 2"],
                &["src/a.md:9: not run"],
            ],
        ),
        (
            "a_matcher_that_does_not_exist",
            "```console,match=time+anything\n$ true\n```\n",
            &[&["src/a.md:1: there is no matcher `anything`", "use some of: time, date"]],
        ),
        (
            "an_exit_code_that_is_none",
            "```console,exit=yes\n$ true\n```\n",
            &[&["src/a.md:1: `exit=yes` is not a number"]],
        ),
        (
            "a_folder_that_leads_out",
            "```console,dir=../..\n$ true\n```\n",
            &[&["src/a.md:1: `dir=../..` is not a folder of the book"]],
        ),
        (
            "a_process_left_behind",
            "```console\n$ true\n```\n\n```console\n$ tail -f /dev/null &\n$ true\n```\n",
            &[&["src/a.md:6: leaves `tail -f /dev/null` running", "stop it on the page"]],
        ),
        (
            "a_loop_left_behind",
            "```console\n$ while true; do read -t 1 < <(tail -f /dev/null); done &\n```\n",
            &[&["src/a.md:2: leaves a loop"]],
        ),
    ];
    let mut trials: Vec<Trial> = Vec::new();
    for (name, text) in holding {
        trials.push(Trial::test(format!("console::{name}"), || holds(text)));
    }
    for (name, text, expected) in saying {
        trials.push(Trial::test(format!("console::{name}"), || says(text, expected)));
    }
    trials.push(Trial::test("console::a_command_that_hangs", hangs));
    trials.push(Trial::test("console::a_command_that_prints_without_end", || {
        says(
            "```console\n$ yes\n```\n",
            &[&["src/a.md:2: `yes` printed more than 8 MB"]],
        )
    }));
    trials.push(Trial::test(
        "console::nothing_escapes_by_setsid_and_a_double_fork",
        escapes,
    ));
    trials.push(Trial::test("console::a_verifier_that_is_killed_leaves_nothing", killed));
    trials.push(Trial::test("console::the_badge_says_what_ran", badge));
    trials.push(Trial::test("console::bless_rewrites_what_differs_and_nothing_else", || {
        blessed(
            "# A  \n\n1. list:\n\n   ```console\n   $ seq 3\n   1\n\n   $ echo same\n   same\n   ```\n\nText\t\n\n\
             > ```console\n> $ echo new\n> old\n> more\n> ```\n\n```console match=pid\n$ echo \"pid 7\"; seq 5\npid 1\n1\n...\n5\n$ echo a; echo; echo b\n```\nend",
            "# A  \n\n1. list:\n\n   ```console\n   $ seq 3\n   1\n   2\n   3\n\n   $ echo same\n   same\n   ```\n\nText\t\n\n\
             > ```console\n> $ echo new\n> new\n> ```\n\n```console match=pid\n$ echo \"pid 7\"; seq 5\npid 1\n1\n...\n5\n$ echo a; echo; echo b\na\n\nb\n```\nend",
        )
    }));
    trials.push(Trial::test("console::bless_keeps_the_page_s_line_ends", || {
        blessed(
            "# A\r\n\r\n```console\r\n$ echo new\r\nold\r\n```\r\n",
            "# A\r\n\r\n```console\r\n$ echo new\r\nnew\r\n```\r\n",
        )
    }));
    trials.push(Trial::test("console::bless_does_not_hide_a_failure", || {
        let (said, ran) = session("```console\n$ echo x; false\n```\n", true)?;
        if said.len() == 1 && ran.rewritten.is_none() {
            Ok(())
        } else {
            Err(format!("{said:?}").into())
        }
    }));
    trials
}

fn hangs() -> Result<(), Failed> {
    let start = Instant::now();
    says(
        "```console,budget=1\n$ echo begun; setsid tail -f /dev/null book-hang & tail -f /dev/null book-hang\nbegun\n$ true\n```\n\n```console\n$ true\n```\n",
        &[
            &[
                "src/a.md:2: `echo begun",
                "did not finish in 1 s and was ended\n    begun",
            ],
            &["src/a.md:4: not run: the command of line 2 did not finish"],
            &["src/a.md:8: not run"],
        ],
    )?;
    gone("null book-hang")?;
    if start.elapsed() > Duration::from_secs(6) {
        Err("it took too long".into())
    } else {
        Ok(())
    }
}

fn escapes() -> Result<(), Failed> {
    says(
        "```console\n$ (env -i setsid --fork tail -f /dev/null book-escape > /dev/null 2>&1 &)\n$ true\n```\n",
        &[&["src/a.md:2: leaves `tail -f /dev/null book-escape` running"]],
    )?;
    gone("null book-escape")
}

/// What this program does when a test of it wants to kill it.
pub fn lesson() -> ExitCode {
    match session(
        "```console\n$ setsid tail -f /dev/null book-killed & tail -f /dev/null book-killed\n```\n",
        false,
    ) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn killed() -> Result<(), Failed> {
    // It does not live to remove its own.
    let temp = tempfile::tempdir()?;
    let mut verifier = Command::new(std::env::current_exe()?)
        .env(LESSON, "1")
        .env("TMPDIR", temp.path())
        .spawn()?;
    let started = until("the session starts", || runs("null book-killed"));
    verifier.kill()?;
    verifier.wait()?;
    started?;
    until("what it started ends", || !runs("null book-killed"))
}

fn badge() -> Result<(), Failed> {
    let (_, ran) = session(
        "```console match=age+id\n$ true\n$ true\n```\n\n```console\n$ true\n```\n",
        false,
    )?;
    let said: Vec<&str> = ran.results.iter().map(|r| r.detail.as_str()).collect();
    let expected = [
        "2 commands run in bash, their output compared (id, age by pattern)",
        "1 command run in bash, its output compared",
    ];
    if said == expected {
        Ok(())
    } else {
        Err(format!("{said:?}").into())
    }
}
