//! The `quiz` fence: questions in TOML, with keys that are checked.
//!
//! | module | what lives there |
//! |---|---|
//! | [`read`] | from TOML to a quiz, and what is wrong with it |
//! | [`bind`] | what a quiz says of other files: captured output, listings, headings |
//! | [`prove`] | its code, compiled and run, against its keys |
//! | [`html`] | how it looks on the page |
//! | [`inline`] | the little Markdown in it |

pub mod bind;
mod html;
mod inline;
pub mod prove;
mod read;

use serde::Deserialize;

use super::Fault;
use crate::config::Config;
use crate::model::{Block, Root};

pub use html::html;

/// A quiz that reads.
#[derive(Clone, Debug)]
pub struct Quiz {
    /// Under which a reader's result is kept; one of its kind on the page.
    pub id: String,
    /// Its line below the fence.
    pub id_line: usize,
    /// In order.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Question {
    /// The line of `ask` below the fence.
    pub line: usize,
    /// The question: a line of Markdown.
    pub ask: String,
    /// The code that it is about.
    pub code: Option<Code>,
    /// What is asked about the code, and so how the key is checked.
    pub check: Option<Check>,
    /// The error that refuses code of which the key says that it does not compile.
    pub error: Option<String>,
    /// Whether more than one option may be right.
    pub several: bool,
    /// What to choose from; nothing, where readers type the answer.
    pub choices: Vec<Choice>,
    /// The answer that readers type.
    pub text: Option<String>,
    /// The line of the answer below the fence.
    pub key_line: usize,
    /// Why the right answer is right: Markdown.
    pub why: String,
    /// What binds the key to the world, where no code does.
    pub proof: Option<Proof>,
    /// Where the book teaches it, and the line below the fence that says so: `page.md#heading`.
    pub source: Option<(usize, String)>,
}

/// What to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// A line of Markdown.
    pub text: String,
    /// Whether the key calls it right.
    pub right: bool,
    /// Why it is wrong.
    pub because: Option<String>,
}

/// The code of a question.
#[derive(Clone, Debug)]
pub enum Code {
    /// Rust in the quiz.
    Written {
        /// The program, or statements of one.
        text: String,
        /// The line above its first, below the fence.
        line: usize,
    },
    /// Lines of a file that the page shows.
    Shown {
        /// As in an include, from the book's root: `listings/…/main.rs:anchor`.
        path: String,
        /// The line that names it, below the fence.
        line: usize,
    },
}

/// What is asked about code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// What the program prints to standard output.
    Prints,
    /// With which error rustc refuses it.
    Error,
    /// Whether it compiles (and then runs without a panic).
    Compiles,
}

/// What a key is compared with.
#[derive(Clone, Debug)]
pub struct Proof {
    /// A captured file, a file that the page shows, or `session`: what the page's shell sessions show.
    pub from: String,
    /// Only lines that hold these words count.
    pub within: Option<String>,
    /// Its line below the fence.
    pub line: usize,
}

impl Quiz {
    /// The quiz of a block that reads.
    pub fn of(block: &Block) -> Option<Quiz> {
        (block.lang == "quiz").then(|| read::read(&block.text).ok()).flatten()
    }
}

/// What is wrong with the block by itself.
pub fn faults(_root: &Root, _config: &Config, block: &Block) -> Vec<Fault> {
    read::read(&block.text).err().unwrap_or_default()
}

/// The questions as Markdown, without answers.
pub fn plain(block: &Block) -> String {
    let Some(quiz) = Quiz::of(block) else {
        return String::new();
    };
    let mut out = String::new();
    for (n, question) in quiz.questions.iter().enumerate() {
        out.push_str(&format!("**{}.** {}\n\n", n + 1, question.ask));
        match &question.code {
            Some(Code::Written { text, .. }) => {
                // The page's own fence ends before a longer run of backticks can.
                out.push_str(&format!("~~~~rust\n{}\n~~~~\n\n", text.trim_end()));
            }
            Some(Code::Shown { path, .. }) => {
                out.push_str(&format!(
                    "This is about `{}`, as the page shows it.\n\n",
                    path.split(':').next().unwrap_or(path)
                ));
            }
            None => {}
        }
        for (i, choice) in question.choices.iter().enumerate() {
            out.push_str(&format!("- ({}) {}\n", letter(i), choice.text));
        }
        if question.choices.is_empty() {
            out.push_str("Write down your answer.\n");
        }
        out.push('\n');
    }
    out
}

/// The answers as Markdown, with the reasons.
pub fn answers(block: &Block) -> String {
    let Some(quiz) = Quiz::of(block) else {
        return String::new();
    };
    let mut out = String::new();
    for (n, question) in quiz.questions.iter().enumerate() {
        let right: Vec<String> = match &question.text {
            Some(text) => vec![format!("`{text}`")],
            None => {
                let all = question.choices.iter().enumerate().filter(|(_, c)| c.right);
                all.map(|(i, c)| format!("({}) {}", letter(i), c.text)).collect()
            }
        };
        out.push_str(&format!("**{}.** {}. {}\n\n", n + 1, right.join("; "), question.why));
        for (i, choice) in question.choices.iter().enumerate() {
            if let Some(because) = &choice.because {
                out.push_str(&format!("- Not ({}): {because}\n", letter(i)));
            }
        }
        out.push('\n');
    }
    out
}

/// `a` for the first option.
fn letter(i: usize) -> char {
    char::from(b'a' + u8::try_from(i % 26).unwrap_or(0))
}

#[cfg(test)]
#[path = "quiz/tests.rs"]
mod tests;
