//! From the TOML of a quiz to a quiz that can be asked, or to what is wrong with it and where.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::{Check, Choice, Code, Proof, Question, Quiz, inline};
use crate::page::{did_you_mean, line_of, typed_number};
use crate::widgets::Fault;

/// So many questions with the right answer in the same place show a habit, and a reader who knows nothing can use it.
const HABIT: usize = 3;

const FIELDS: &str = "correct it; CONTRIBUTING.md lists the fields of a quiz";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuiz {
    id: Option<Spanned<String>>,
    #[serde(default)]
    question: Vec<RawQuestion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuestion {
    ask: Spanned<String>,
    code: Option<Spanned<String>>,
    listing: Option<Spanned<String>>,
    check: Option<Spanned<Check>>,
    error: Option<Spanned<String>>,
    options: Option<Spanned<Vec<Spanned<RawOption>>>>,
    answer: Option<Spanned<toml::Value>>,
    answers: Option<Spanned<Vec<Spanned<String>>>>,
    why: Option<Spanned<String>>,
    proof: Option<Spanned<String>>,
    proof_line: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawOption {
    Text(String),
    Reasoned(Reasoned),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasoned {
    text: String,
    because: String,
}

/// Reads a quiz.
///
/// # Errors
///
/// All that is wrong with it.
pub fn read(text: &str) -> Result<Quiz, Vec<Fault>> {
    let raw: RawQuiz = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |span| line_of(text, span.start));
        let what = e.message().lines().next().unwrap_or("it is no TOML").to_owned();
        // serde's words for an option that is neither a text nor a table.
        let what = what.replace(
            "data did not match any variant of untagged enum RawOption",
            "an option is a text, or { text = \"…\", because = \"why it is wrong\" }",
        );
        vec![Fault::new(line, format!("this quiz does not read: {what}"), FIELDS)]
    })?;
    let mut reader = Reader {
        text,
        faults: Vec::new(),
    };
    let quiz = reader.quiz(raw);
    if reader.faults.is_empty() {
        Ok(quiz)
    } else {
        Err(reader.faults)
    }
}

struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn line<T>(&self, at: &Spanned<T>) -> usize {
        line_of(self.text, at.span().start)
    }

    fn fault(&mut self, line: usize, what: impl Into<String>, fix: impl Into<String>) {
        self.faults.push(Fault::new(line, what, fix));
    }

    fn quiz(&mut self, raw: RawQuiz) -> Quiz {
        let (id, id_line) = match &raw.id {
            Some(id) => (id.get_ref().clone(), self.line(id)),
            None => (String::new(), 1),
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if raw.id.is_none() {
            let why = "this quiz has no `id`, and a reader's result is kept under it";
            self.fault(1, why, "write id = \"words-with-hyphens\" as its first line");
        } else if id.is_empty() || !id.chars().all(plain) {
            let what = format!("`{id}` is no id: lower-case letters, digits and hyphens make one");
            self.fault(id_line, what, "write id = \"words-with-hyphens\"");
        }
        if raw.question.is_empty() {
            self.fault(
                1,
                "a quiz without a question",
                "write a [[question]], or take the quiz out",
            );
        }
        let questions: Vec<Question> = raw.question.into_iter().map(|q| self.question(q)).collect();
        self.habits(&questions);
        Quiz { id, id_line, questions }
    }

    fn question(&mut self, raw: RawQuestion) -> Question {
        let line = self.line(&raw.ask);
        let check = raw.check.as_ref().map(|c| *c.get_ref());
        let code = self.code(&raw, line);
        self.words("question", &raw.ask);
        let key_line = match (&raw.answer, &raw.answers) {
            (Some(answer), _) => self.line(answer),
            (_, Some(answers)) => self.line(answers),
            _ => line,
        };
        let (choices, text) = self.key(&raw, check, line, key_line);
        match &raw.why {
            Some(why) if !why.get_ref().trim().is_empty() => self.words("explanation", why),
            _ => self.fault(
                line,
                "no explanation: a reader who was wrong learns nothing",
                "write why = \"…\"",
            ),
        }
        let error = raw.error.as_ref().map(|e| e.get_ref().clone());
        let refused = matches!(&raw.answer, Some(a) if a.get_ref().as_bool() == Some(false));
        match (&raw.error, check) {
            (Some(error), Some(Check::Compiles)) if refused && is_code(error.get_ref()) => {}
            (Some(error), Some(Check::Compiles)) if refused => {
                let what = format!("`{}` is no error code of rustc", error.get_ref());
                self.fault(self.line(error), what, "write it as in error = \"E0382\"");
            }
            (None, Some(Check::Compiles)) if refused => self.fault(
                key_line,
                "says that the code does not compile, and not with which error: any slip would make it true",
                "write error = \"E…\" as rustc says it",
            ),
            (Some(error), _) => self.fault(
                self.line(error),
                "`error` belongs to check = \"compiles\" with answer = false",
                "take it out",
            ),
            _ => {}
        }
        if let (Some(proof_line), None) = (&raw.proof_line, &raw.proof) {
            let fix = "write proof = \"the file\", or take it out";
            self.fault(self.line(proof_line), "`proof_line` without a `proof`", fix);
        }
        if let (Some(_), Some(proof)) = (check, &raw.proof) {
            let fix = "take `proof` out";
            self.fault(
                self.line(proof),
                "the code proves this question; what should `proof` prove?",
                fix,
            );
        }
        if check.is_none() && raw.proof.is_none() && raw.source.is_none() {
            self.fault(
                line,
                "nothing proves this question, and it does not say where the book teaches it",
                "write check = \"…\" with code, proof = \"a captured file\", or source = \"page.md#heading\"",
            );
        }
        let proof = raw.proof.as_ref().map(|proof| Proof {
            from: proof.get_ref().clone(),
            within: raw.proof_line.as_ref().map(|l| l.get_ref().clone()),
            line: self.line(proof),
        });
        Question {
            line,
            ask: raw.ask.into_inner(),
            code,
            check,
            error,
            several: raw.answers.is_some(),
            choices,
            text,
            key_line,
            why: raw.why.map(Spanned::into_inner).unwrap_or_default(),
            proof,
            source: raw.source.map(|s| (line_of(self.text, s.span().start), s.into_inner())),
        }
    }

    /// The rules for prose hold for what a quiz says, too.
    fn words(&mut self, what: &str, text: &Spanned<String>) {
        let line = self.line(text);
        self.words_at(what, text.get_ref(), line);
    }

    fn words_at(&mut self, what: &str, text: &str, line: usize) {
        if text.trim().is_empty() {
            self.fault(line, format!("an empty {what}"), "write it");
        }
        if let Err(other) = inline::html(text) {
            let what = format!("more in this {what} than a line of words, code and links: {other}");
            self.fault(line, what, "say it in a sentence; code goes to `code`");
        }
        if let Some(number) = typed_number(&inline::prose(text)) {
            self.fault(
                line,
                format!("`{number}` was typed by hand: no check would notice when it stops being true"),
                "say it without a number, or ask for it with a `proof`",
            );
        }
    }

    fn code(&mut self, raw: &RawQuestion, line: usize) -> Option<Code> {
        match (&raw.code, &raw.listing) {
            (Some(_), Some(listing)) => {
                let at = self.line(listing);
                self.fault(at, "both `code` and `listing`", "keep one of them");
            }
            (None, None) if raw.check.is_some() => {
                self.fault(
                    line,
                    "a `check`, and no code to check",
                    "write code = '''…''', or listing = \"path:anchor\"",
                );
            }
            (Some(code), None) if raw.check.is_none() => {
                let fix = "say check = \"prints\", \"error\" or \"compiles\"";
                let at = self.line(code);
                self.fault(at, "nothing runs this code", fix);
            }
            _ => {}
        }
        if let Some(code) = &raw.code {
            let written = &self.text[code.span()];
            let at = self.line(code);
            // The code's first line is the one below an opening ''' that ends its line.
            let above = written.starts_with("'''\n") || written.starts_with("\"\"\"\n");
            return Some(Code::Written {
                text: code.get_ref().clone(),
                line: if above { at } else { at.saturating_sub(1) },
            });
        }
        raw.listing.as_ref().map(|listing| Code::Shown {
            path: listing.get_ref().clone(),
            line: self.line(listing),
        })
    }

    /// The choices with the right ones marked, or the text to type.
    fn key(
        &mut self,
        raw: &RawQuestion,
        check: Option<Check>,
        line: usize,
        key_line: usize,
    ) -> (Vec<Choice>, Option<String>) {
        if raw.answer.is_some() && raw.answers.is_some() {
            self.fault(
                key_line,
                "both `answer` and `answers`",
                "one right answer: `answer`; several: `answers`",
            );
        }
        if raw.answer.is_none() && raw.answers.is_none() {
            self.fault(line, "no answer: which one is right?", "write answer = \"…\"");
            return (Vec::new(), None);
        }
        if check == Some(Check::Compiles) {
            return (self.compiles(raw, key_line), None);
        }
        if let (Some(Check::Prints), Some(_)) = (check, &raw.answers) {
            self.fault(key_line, "a program prints one thing", "write `answer`");
        }
        let mut right = Vec::new();
        if let Some(answer) = &raw.answer {
            match answer.get_ref().as_str() {
                Some(text) => right.push((text.to_owned(), key_line)),
                None => self.fault(
                    key_line,
                    format!(
                        "the answer `{}` is no text, and a key that counts goes wrong when options move",
                        answer.get_ref()
                    ),
                    "write the right option's text between quotes",
                ),
            }
        }
        for answer in raw.answers.iter().flat_map(|a| a.get_ref()) {
            right.push((answer.get_ref().clone(), self.line(answer)));
        }
        if check == Some(Check::Error) {
            for (text, at) in &right {
                if !is_code(text) {
                    let what = format!("`{text}` is no error code of rustc, and the question asks for one");
                    self.fault(
                        *at,
                        what,
                        "write the code, as E0382; or ask check = \"prints\" or \"compiles\"",
                    );
                }
            }
        }
        let Some(options) = &raw.options else {
            if raw.answers.is_some() {
                self.fault(key_line, "several answers and no options", "write options = […]");
            }
            return (Vec::new(), right.pop().map(|(text, _)| text));
        };
        let choices = self.choices(options, &right);
        (choices, None)
    }

    fn compiles(&mut self, raw: &RawQuestion, key_line: usize) -> Vec<Choice> {
        let answer = raw.answer.as_ref().and_then(|a| a.get_ref().as_bool());
        if let Some(options) = &raw.options {
            let at = self.line(options);
            self.fault(at, "check = \"compiles\" brings its two options", "take `options` out");
        }
        let Some(answer) = answer else {
            self.fault(
                key_line,
                "whether it compiles is a yes or a no",
                "write answer = true, or answer = false",
            );
            return Vec::new();
        };
        let choice = |text: &str, right| Choice {
            text: text.into(),
            right,
            because: None,
        };
        vec![
            choice("It compiles", answer),
            choice("The compiler refuses it", !answer),
        ]
    }

    fn choices(&mut self, options: &Spanned<Vec<Spanned<RawOption>>>, right: &[(String, usize)]) -> Vec<Choice> {
        let mut choices: Vec<Choice> = Vec::new();
        let mut seen = BTreeSet::new();
        for option in options.get_ref() {
            let at = self.line(option);
            let (text, because) = match option.get_ref() {
                RawOption::Text(text) => (text.clone(), None),
                RawOption::Reasoned(r) => (r.text.clone(), Some(r.because.clone())),
            };
            if let Err(other) = inline::html(&text) {
                self.fault(
                    at,
                    format!("more in an option than words and code: {other}"),
                    "shorten it",
                );
            }
            if !seen.insert(text.trim().to_lowercase()) {
                self.fault(
                    at,
                    format!("the option `{text}` stands twice"),
                    "take one out, or say what differs",
                );
            }
            let is_right = right.iter().any(|(r, _)| *r == text);
            if let Some(because) = &because {
                self.words_at("reason", because, at);
                if is_right {
                    let what = "`because` says why an option is wrong, and this one is right";
                    self.fault(at, what, "say it in `why`, or correct the key");
                }
            }
            choices.push(Choice {
                text,
                right: is_right,
                because,
            });
        }
        let at = self.line(options);
        if choices.len() < 2 {
            self.fault(
                at,
                "one option is no choice",
                "write at least two, or none: then readers type the answer",
            );
        } else if !choices.is_empty() && choices.iter().all(|c| c.right) {
            self.fault(at, "every option is right", "write one that is wrong, and why");
        }
        let names: Vec<&str> = choices.iter().map(|c| c.text.as_str()).collect();
        let mut faults = Vec::new();
        for (i, (text, at)) in right.iter().enumerate() {
            if !names.contains(&text.as_str()) {
                let what = format!(
                    "the answer `{text}` is none of the options{}",
                    did_you_mean(text, &names)
                );
                faults.push(Fault::new(*at, what, "write it exactly as the option"));
            } else if right[..i].iter().any(|(r, _)| r == text) {
                faults.push(Fault::new(
                    *at,
                    format!("the answer `{text}` stands twice"),
                    "write it once",
                ));
            }
        }
        self.faults.extend(faults);
        choices
    }

    /// What gives a key away without knowing anything.
    fn habits(&mut self, questions: &[Question]) {
        let asked: Vec<&Question> = questions
            .iter()
            .filter(|q| !q.several && q.check != Some(Check::Compiles) && q.choices.len() > 1)
            .collect();
        if asked.len() < HABIT || !self.faults.is_empty() {
            return;
        }
        let place = |q: &Question| q.choices.iter().position(|c| c.right);
        let first = place(asked[0]);
        if asked.iter().all(|q| place(q) == first) {
            let what = format!(
                "the right answer is always option {}: a reader can tell without knowing anything",
                first.map_or(0, |at| at + 1)
            );
            self.fault(asked[0].line, what, "change the order of some options");
        }
        let longest = |q: &Question| {
            let length = |c: &Choice| c.text.chars().count();
            let right = q.choices.iter().find(|c| c.right).map(length);
            q.choices
                .iter()
                .filter(|c| !c.right)
                .all(|c| right.is_some_and(|r| r > length(c)))
        };
        if asked.iter().all(|q| longest(q)) {
            let what = "the right answer is always the longest option: a reader can tell without knowing anything";
            self.fault(
                asked[0].line,
                what,
                "write wrong options with as much care as right ones",
            );
        }
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 5 && text.starts_with('E') && text[1..].bytes().all(|b| b.is_ascii_digit())
}
