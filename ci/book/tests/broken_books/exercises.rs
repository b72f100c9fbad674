//! Exercises that would mislead a reader, and a reader's walk through a good one.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::book::Edit::{Append, Delete, Replace, Write};
use crate::book::{Case, Copy, Edit, Good, Story, case, expect, green, says, support, text};

const FENCE: &str = "\n```exercise\nname = \"thrice\"\n```\n";
/// Where the fence stands on the page.
const AT: &str = "src/other.md:5: ";
const TOML: &str = "listings/good/exercises/thrice/exercise.toml";
const CHECK: &str = "listings/good/exercises/thrice/check.rs";
const ANSWER: &str = "listings/good/exercises/thrice/files/answer.txt";
const RUST: &str = "listings/good/exercises/thrice/files/thrice.rs";

/// An exercise beside the good book's listing, and its fence on the other page.
fn good() -> Vec<(&'static str, Edit)> {
    let support = support();
    let manifest = format!(
        "[package]\nname = \"exercises\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\nautotests = false\n\n\
         [dependencies]\nbook-support = {{ path = \"{support}\" }}\n\n\
         [[test]]\nname = \"thrice\"\npath = \"thrice/check.rs\"\ntest = false\n"
    );
    vec![
        ("listings/good/exercises/Cargo.toml", Write(manifest.leak())),
        (
            TOML,
            Write(
                "title = \"Thrice\"\n\
                 goal = \"The answer is right.\"\n\
                 page = \"src/other.md\"\n\
                 lane = \"offline\"\n\
                 minutes = 1\n\
                 open = [\"answer.txt\"]\n\
                 task = [\"Write the answer into `answer.txt`.\"]\n\
                 hints = [\"It is a number.\", \"It is three times another.\", \"The other is 14.\"]\n\
                 closing = \"That is all there is to know.\"\n\n\
                 [starter]\nstep = \"answer\"\nseen = \"^41$\"\n\n\
                 [[state]]\nstep = \"answer\"\nseen = \"^40$\"\nhint = \"Forty is too few.\"\n\
                 broken = [{ file = \"answer.txt\", replace = \"42\", with = \"40\" }]\n",
            ),
        ),
        (
            ANSWER,
            Write("# EXERCISE: solution\n42\n# STARTER: 41\n# EXERCISE_END\n"),
        ),
        (
            CHECK,
            Write(
                "//! Is it 42?\n\n\
                 use book_support::exercise::{Check, Demand};\n\n\
                 const ANSWER: Demand = Demand {\n    \
                     step: \"answer\",\n    \
                     must: \"be 42\",\n    \
                     fix: \"multiply\",\n\
                 };\n\n\
                 #[test]\n\
                 fn check() {\n    \
                     let check = Check::begin();\n    \
                     let text = std::fs::read_to_string(check.folder().join(\"answer.txt\"));\n    \
                     let text = text.unwrap_or_default();\n    \
                     check.demand(&ANSWER, text.trim(), text.trim() == \"42\");\n    \
                     check.end();\n\
                 }\n",
            ),
        ),
        ("src/other.md", Append(FENCE)),
    ]
}

/// The good exercise, changed.
fn broken(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        args: &["test", "--lane", "offline", "exercise:thrice"],
        ..case(name, good().into_iter().chain(edits).collect(), says)
    }
}

/// What only text is needed for.
fn text_alone(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        args: &["status"],
        ..broken(name, edits, says)
    }
}

pub fn cases() -> Vec<Case> {
    vec![
        Case {
            code: 0,
            ..broken(
                "exercise_that_is_proven",
                vec![],
                &["ok exercise:thrice:offline", "1 verified", "0 findings"],
            )
        },
        broken(
            "exercise_whose_starter_passes",
            vec![(CHECK, Replace("text.trim() == \"42\"", "text.starts_with('4')"))],
            &[AT, "the starter passes its check: there is nothing left to do"],
        ),
        broken(
            "exercise_whose_starter_fails_by_another_error",
            vec![(TOML, Replace("seen = \"^41$\"", "seen = \"^39$\""))],
            &[
                AT,
                "the starter does not fail at `answer` with `^39$`, as exercise.toml says",
                "✗ answer: 41, must be 42",
            ],
        ),
        broken(
            "exercise_whose_check_breaks_off",
            vec![(
                CHECK,
                Replace("    check.end();", "    check.end();\n    panic!(\"no paper\");"),
            )],
            &[AT, "the solution does not pass its check", "✓ answer: 42", "no paper"],
        ),
        broken(
            "exercise_whose_solution_fails",
            vec![
                (ANSWER, Replace("42\n", "43\n")),
                (TOML, Replace("replace = \"42\"", "replace = \"43\"")),
            ],
            &[AT, "the solution does not pass its check", "✗ answer: 43, must be 42"],
        ),
        broken(
            "exercise_with_a_hint_that_does_not_fire",
            vec![(TOML, Replace("with = \"40\"", "with = \"39\""))],
            &[
                AT,
                "the hint for `answer` with `^40$` does not fire on its broken solution: no hint fires",
                "✗ answer: 39, must be 42",
            ],
        ),
        broken(
            "exercise_with_a_hint_that_another_goes_before",
            vec![(
                TOML,
                Append(
                    "\n[[state]]\nstep = \"answer\"\nseen = \"^4\"\nhint = \"Never said.\"\n\
                     broken = [{ file = \"answer.txt\", replace = \"42\", with = \"40\" }]\n",
                ),
            )],
            &["the hint for `answer` with `^40$` fires before it"],
        ),
        broken(
            "exercise_whose_rust_is_not_formatted",
            vec![(RUST, Write("fn  main() {}\n"))],
            &[
                AT,
                "the starter's thrice.rs is not as rustfmt writes it",
                "+fn main() {}",
            ],
        ),
        broken(
            "exercise_whose_starter_is_no_rust",
            vec![(
                RUST,
                Write("// EXERCISE: solution\nfn main() {}\n// STARTER: fn main() {\n// EXERCISE_END\n"),
            )],
            &[AT, "the starter's thrice.rs does not parse:"],
        ),
        broken(
            "exercise_whose_check_does_not_compile",
            vec![(CHECK, Replace("text.trim(), ", ""))],
            &[AT, "thrice/check.rs:16: the check does not compile:"],
        ),
        broken(
            "exercise_that_cargo_does_not_know",
            vec![("listings/good/exercises/Cargo.toml", Replace("\"thrice\"", "\"other\""))],
            &["no test target named `thrice`"],
        ),
        text_alone(
            "exercise_with_two_hints",
            vec![(TOML, Replace(", \"The other is 14.\"", ""))],
            &["exercises/thrice/exercise.toml:1: an exercise has 3 hints, and this one has 2"],
        ),
        text_alone(
            "exercise_with_an_unknown_key",
            vec![(TOML, Replace("minutes = 1", "minuets = 1"))],
            &["exercises/thrice/exercise.toml:5: unknown field `minuets`"],
        ),
        text_alone(
            "exercise_with_a_solution_that_never_ends",
            vec![(ANSWER, Replace("# EXERCISE_END\n", ""))],
            &["exercises/thrice/files/answer.txt:1: this solution never ends"],
        ),
        text_alone(
            "exercise_with_a_misspelt_mark",
            vec![(ANSWER, Replace("EXERCISE: solution", "EXERCISE: solutoin"))],
            &["exercises/thrice/files/answer.txt:1: `EXERCISE: solutoin` is no mark"],
        ),
        text_alone(
            "exercise_without_a_cut",
            vec![(ANSWER, Write("42\n"))],
            &["exercises/thrice/exercise.toml:1: starter and solution are the same: no file is cut"],
        ),
        text_alone(
            "exercise_whose_starter_does_not_parse",
            vec![(
                "listings/good/exercises/thrice/files/settings.toml",
                Write("# EXERCISE: solution\na = 1\n# STARTER: a =\n# EXERCISE_END\n"),
            )],
            &["files/settings.toml:1: the starter that is cut from this file does not parse"],
        ),
        text_alone(
            "exercise_with_a_broken_solution_that_breaks_nothing",
            vec![(TOML, Replace("replace = \"42\"", "replace = \"17\""))],
            &["`broken` replaces `17`, which the solution's answer.txt does not hold"],
        ),
        text_alone(
            "exercise_without_a_check",
            vec![(CHECK, Delete)],
            &["exercises/thrice/exercise.toml:1: it has no check.rs"],
        ),
        text_alone(
            "exercise_of_a_page_that_does_not_exist",
            vec![(TOML, Replace("src/other.md", "src/another.md"))],
            &["exercises/thrice/exercise.toml:1: its page src/another.md does not exist"],
        ),
        text_alone(
            "exercise_of_another_page",
            vec![(TOML, Replace("src/other.md", "src/good/page.md"))],
            &[AT, "the exercise `thrice` says that its page is src/good/page.md"],
        ),
        text_alone(
            "exercise_that_no_page_shows",
            vec![("src/other.md", Replace(FENCE, ""))],
            &["exercises/thrice/exercise.toml:1: no page shows this exercise"],
        ),
        text_alone(
            "exercise_that_stands_on_a_page_twice",
            vec![("src/other.md", Append(FENCE))],
            &["src/other.md:9: the exercise `thrice` stands on a page already"],
        ),
        text_alone(
            "fence_of_an_unknown_exercise",
            vec![("src/other.md", Replace("\"thrice\"", "\"thrise\""))],
            &["src/other.md:6: there is no exercise `thrise` (did you mean `thrice`?)"],
        ),
        text_alone(
            "exercise_fence_with_an_unknown_key",
            vec![("src/other.md", Replace("name = ", "nmae = "))],
            &["src/other.md:6: unknown field `nmae`"],
        ),
    ]
}

pub fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("a_reader_walks_through_an_exercise", walk),
        ("exercise_work_is_never_written_over", kept),
        ("an_exercise_whose_lane_is_missing_is_not_passed", missing),
        ("exercise_watch_checks_when_a_file_is_saved", watch),
    ]
}

const WORK: &str = "my-exercises/thrice/answer.txt";

fn with_exercise(good_book: &Good) -> Copy {
    let copy = good_book.copy();
    for (path, edit) in good() {
        copy.edit(path, &edit);
    }
    copy
}

/// Runs what must end with a code; what it says.
fn ends(copy: &Copy, args: &[&str], code: i32) -> Result<String, String> {
    let output = copy.run(args, &[]);
    let said = text(&output);
    let right = output.status.code() == Some(code);
    expect(right, &said, &format!("`{}` does not end with {code}", args.join(" ")))?;
    Ok(said)
}

fn walk(book: &Good) -> Result<(), String> {
    let copy = with_exercise(book);
    let said = green(&copy, &["exercise", "list"])?;
    says(&said, "not started  thrice  offline   1 min  src/other.md  Thrice")?;
    let said = ends(&copy, &["exercise", "check"], 2)?;
    says(
        &said,
        "you have not started an exercise\n  fix: cargo book exercise next",
    )?;
    let said = green(&copy, &["exercise", "next"])?;
    says(&said, "begin: cargo book exercise start thrice")?;
    let said = ends(&copy, &["exercise", "start", "thrise"], 2)?;
    says(&said, "there is no exercise `thrise` (did you mean `thrice`?)")?;
    let said = green(&copy, &["exercise", "start", "thrice"])?;
    says(&said, "open   my-exercises/thrice/answer.txt")?;

    let said = green(&copy, &["exercise", "hint"])?;
    says(&said, "hint 1 of 3: It is a number.")?;
    let said = ends(&copy, &["exercise", "check"], 1)?;
    says(&said, "✗ answer: 41, must be 42")?;
    says(&said, "not yet: answer: 41, must be 42\n  fix: multiply")?;
    copy.edit(WORK, &Write("40\n"));
    let said = green(&copy, &["exercise", "hint"])?;
    says(&said, "your files have changed since the last check")?;
    says(&said, "hint 2 of 3: It is three times another.")?;
    ends(&copy, &["exercise", "check"], 1)?;
    let said = green(&copy, &["exercise", "hint"])?;
    says(
        &said,
        "what the last check saw: Forty is too few.\nhint 3 of 3: The other is 14.",
    )?;

    copy.edit(WORK, &Write("42\n"));
    let said = green(&copy, &["exercise", "check"])?;
    says(&said, "passed: That is all there is to know.")?;
    let said = green(&copy, &["exercise", "list"])?;
    says(&said, "passed       thrice")?;
    let said = green(&copy, &["exercise", "next"])?;
    says(&said, "you have passed every exercise of this book")?;
    let progress = std::fs::read_to_string(copy.path("my-exercises/progress.json")).map_err(|e| e.to_string())?;
    says(&progress, "\"state\": \"passed\"")?;
    copy.nothing_left()
}

fn kept(book: &Good) -> Result<(), String> {
    let copy = with_exercise(book);
    green(&copy, &["exercise", "start", "thrice"])?;
    let said = green(&copy, &["exercise", "start", "thrice"])?;
    says(&said, "holds the starter already")?;
    copy.edit(WORK, &Write("my own\n"));
    let said = ends(&copy, &["exercise", "start", "thrice"], 2)?;
    says(
        &said,
        "my-exercises/thrice holds work of yours; nothing was changed\n  fix: ",
    )?;
    let read = |path: &str| std::fs::read_to_string(copy.path(path)).map_err(|e| format!("{path}: {e}"));
    expect(read(WORK)? == "my own\n", &read(WORK)?, "the work is another")?;
    for args in [&["exercise", "start", "thrice", "--force"][..], &["exercise", "reset"]] {
        copy.edit(WORK, &Write("my own\n"));
        let said = green(&copy, args)?;
        let backup = said
            .lines()
            .find_map(|l| l.strip_prefix("your work is in ")?.strip_suffix(" now"));
        let backup = backup.ok_or_else(|| format!("it does not say where the work is:\n{said}"))?;
        let work = read(&format!("{backup}/answer.txt"))?;
        expect(work == "my own\n", &work, "the backup is another")?;
        expect(read(WORK)? == "41\n", &read(WORK)?, "the starter is another")?;
    }
    copy.edit("my-exercises/progress.json", &Write("{ half"));
    let said = green(&copy, &["exercise", "list"])?;
    says(
        &said,
        "my-exercises/progress.json did not parse; it is my-exercises/progress.json.unreadable-",
    )?;
    says(&said, "not started  thrice")
}

fn missing(book: &Good) -> Result<(), String> {
    let copy = with_exercise(book);
    copy.edit(TOML, &Replace("\"offline\"", "\"docker\""));
    green(&copy, &["exercise", "start", "thrice"])?;
    copy.edit(WORK, &Write("42\n"));
    let output = copy.run(
        &["exercise", "check"],
        &[("DOCKER_HOST", "unix:///nonexistent/docker.sock")],
    );
    let said = text(&output);
    expect(output.status.code() == Some(2), &said, "it does not end with 2")?;
    says(&said, "nothing was checked: thrice needs the docker lane")?;
    says(&said, "fix: cargo book setup --lane docker")?;
    let said = green(&copy, &["exercise", "list"])?;
    says(&said, "started      thrice")
}

fn watch(book: &Good) -> Result<(), String> {
    let copy = with_exercise(book);
    green(&copy, &["exercise", "start", "thrice"])?;
    let mut child = copy
        .command(&["exercise", "watch"], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(stdout).lines();
    // Both ends of the pipe are there until it is told to end: it says one or the other.
    let mut until = |words: &str| -> Result<(), String> {
        let mut said = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            if line.contains(words) {
                return Ok(());
            }
        }
        Err(format!("does not say `{words}`:\n{said}"))
    };
    let told = until("✗ answer: 41")
        .and_then(|()| until("waiting for you to save"))
        .and_then(|()| {
            copy.edit(WORK, &Write("42\n"));
            until("passed: ")
        })
        .and_then(|()| until("waiting for you to save"));
    let id = child.id().to_string();
    let _ = Command::new("kill").args(["-INT", &id]).status();
    let code = child.wait().map_err(|e| e.to_string())?.code();
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut errors);
    }
    told.map_err(|e| format!("{e}\n{errors}"))?;
    expect(code == Some(130), &errors, &format!("it ends with {code:?}, not 130"))?;
    copy.nothing_left()
}
