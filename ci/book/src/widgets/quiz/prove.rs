//! The code of quizzes, compiled and run, against their keys.

use super::{Check, Choice, Code, Question, Quiz, bind};
use crate::model::{Block, BlockResult, Finding, Origin, Root};

/// The name of the job that proves a page's quizzes.
pub fn job(page: &str) -> String {
    format!("quiz:{page}")
}

/// Whether any question of the block needs a compiler.
pub fn runs(block: &Block) -> bool {
    Quiz::of(block).is_some_and(|quiz| quiz.questions.iter().any(|q| q.check.is_some()))
}

/// A question's program: the number of its question, and a block that can be compiled and run as if the page wrote it.
pub fn programs(root: &Root, block: &Block) -> Vec<(usize, Block)> {
    let Some(quiz) = Quiz::of(block) else {
        return Vec::new();
    };
    let asked = quiz.questions.iter().enumerate().filter(|(_, q)| q.check.is_some());
    asked
        .filter_map(|(n, question)| {
            let (text, line) = match question.code.as_ref()? {
                Code::Written { text, line } => (text.clone(), *line),
                Code::Shown { path, line } => (bind::shown(root, path).ok()?.text, *line),
            };
            let end_line = match question.code {
                Some(Code::Written { .. }) => block.line + line + text.lines().count() + 1,
                // What rustc says of the file's lines is said at the line that names the file.
                _ => block.line + line,
            };
            let attrs = refusals(question)
                .into_iter()
                .map(|code| (code, String::new()))
                .collect();
            Some((
                n,
                Block {
                    page: block.page.clone(),
                    line: block.line + line,
                    end_line,
                    lang: "rust".into(),
                    attrs,
                    text,
                    origin: Origin::Inline,
                    format: None,
                },
            ))
        })
        .collect()
}

/// The attributes of a program that rustc has to refuse.
fn refusals(question: &Question) -> Vec<String> {
    let codes: Vec<String> = match question.check {
        Some(Check::Error) => match &question.text {
            Some(text) => vec![text.clone()],
            None => {
                let right = question.choices.iter().filter(|c| c.right);
                right.map(|c| c.text.clone()).collect()
            }
        },
        Some(Check::Compiles) => question.error.clone().into_iter().collect(),
        _ => Vec::new(),
    };
    match codes.is_empty() {
        true => codes,
        false => codes.into_iter().chain(["compile_fail".to_owned()]).collect(),
    }
}

/// What came of a program: the verdict as of any Rust in a page, and what it printed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which question.
    pub question: usize,
    /// Whether it did what its block says.
    pub result: BlockResult,
    /// Standard output.
    pub stdout: String,
}

/// The verdict on a quiz.
pub fn judge(block: &Block, seen: &[Seen]) -> BlockResult {
    let mut findings = Vec::new();
    let Some(quiz) = Quiz::of(block) else {
        return BlockResult {
            page: block.page.clone(),
            line: block.line,
            findings: vec![Finding::new(&block.page, block.line, "this quiz does not read", "")],
            detail: String::new(),
        };
    };
    for (n, question) in quiz.questions.iter().enumerate() {
        if question.check.is_none() {
            continue;
        }
        let at = block.line + question.key_line;
        let Some(seen) = seen.iter().find(|s| s.question == n) else {
            findings.push(Finding::new(
                &block.page,
                block.line + question.line,
                "the code of this question was not run",
                "does its `listing` read?",
            ));
            continue;
        };
        if !seen.result.findings.is_empty() {
            findings.extend(seen.result.findings.iter().map(|found| Finding {
                what: format!("question {}: {}", n + 1, found.what),
                fix: "correct the code, or the key of this question".into(),
                ..found.clone()
            }));
        } else if question.check == Some(Check::Prints)
            && let Err(what) = prints(question, &seen.stdout)
        {
            findings.push(Finding::new(
                &block.page,
                at,
                format!("question {}: {what}", n + 1),
                "correct the key, or the code",
            ));
        }
    }
    BlockResult {
        page: block.page.clone(),
        line: block.line,
        findings,
        detail: detail(&quiz),
    }
}

fn prints(question: &Question, stdout: &str) -> Result<(), String> {
    let printed = lines(stdout);
    let key = match &question.text {
        Some(text) => text,
        None => question
            .choices
            .iter()
            .find(|c| c.right)
            .map_or("", |c| c.text.as_str()),
    };
    if lines(&bare(key)) != printed {
        let same = |c: &&Choice| !c.right && lines(&bare(&c.text)) == printed;
        let other = question.choices.iter().find(same).map(|c| &c.text);
        let other = other.map_or("", |_| ", which is another option");
        let key = lines(&bare(key));
        return Err(format!(
            "the program prints `{printed}`{other}, and the key says `{key}`"
        ));
    }
    let second = question
        .choices
        .iter()
        .find(|c| !c.right && lines(&bare(&c.text)) == printed);
    match second {
        Some(choice) => Err(format!(
            "the key calls `{}` wrong, and the program prints it",
            bare(&choice.text)
        )),
        None => Ok(()),
    }
}

/// Output as an option can say it: an option may stand between backticks, and its line breaks are blanks.
fn lines(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare(option: &str) -> String {
    let text = option.trim();
    let inner = text.strip_prefix('`').and_then(|t| t.strip_suffix('`'));
    inner.filter(|t| !t.contains('`')).unwrap_or(text).to_owned()
}

/// `3 of 5 questions compiled and run, 2 bound to captured output`.
pub fn detail(quiz: &Quiz) -> String {
    let all = quiz.questions.len();
    let count = |wanted: fn(&Question) -> bool| quiz.questions.iter().filter(|q| wanted(q)).count();
    let run = count(|q| matches!(q.check, Some(Check::Prints)) || (q.check.is_some() && refusals(q).is_empty()));
    let refused = count(|q| !refusals(q).is_empty());
    let captured = count(|q| q.proof.as_ref().is_some_and(|p| p.from != bind::SESSION));
    let session = count(|q| q.proof.as_ref().is_some_and(|p| p.from == bind::SESSION));
    let taught = count(|q| q.check.is_none() && q.proof.is_none());
    let mut said: Vec<String> = [
        (run, "compiled and run"),
        (refused, "refused by rustc as the key says"),
        (captured, "bound to captured output"),
        (session, "bound to the page's sessions"),
        (taught, "with the page that teaches it"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    let of = crate::run::plural(all, "question");
    match said.first_mut() {
        Some(first) => *first = first.replacen(' ', &format!(" of {of} "), 1),
        None => return of,
    }
    said.join(", ")
}
