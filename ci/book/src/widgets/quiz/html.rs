//! A quiz as static HTML: whole without a script, and with what the script needs to judge.

use super::{Code, Question, Quiz, bind, inline};
use crate::model::{Block, Root};
use crate::site::escape;
use crate::widgets::Place;

/// The quiz on its page. A form, so that a group of options is one to every reader; nothing is ever sent.
pub fn html(place: Place<'_>, block: &Block) -> String {
    let Some(quiz) = Quiz::of(block) else {
        return format!("<pre>{}</pre>\n", escape(&block.text));
    };
    let id = escape(&quiz.id);
    let mut out = format!(
        "<form class=\"quiz\" id=\"quiz-{id}\" data-quiz=\"{}#{id}\" data-of=\"{}\" autocomplete=\"off\" novalidate>\n",
        escape(place.address),
        quiz.questions.len()
    );
    for (n, question) in quiz.questions.iter().enumerate() {
        out.push_str(&fieldset(place.root, &quiz, n, question));
    }
    out.push_str("<p class=\"quiz-score\" role=\"status\"></p>\n</form>\n");
    out
}

fn fieldset(root: &Root, quiz: &Quiz, n: usize, question: &Question) -> String {
    let number = n + 1;
    let name = format!("quiz-{}-{number}", escape(&quiz.id));
    let mut out = format!(
        "<fieldset>\n<legend><span class=\"quiz-number\">{number}.</span> {}</legend>\n",
        inline::shown(&question.ask)
    );
    if let Some((lang, text)) = code(root, question) {
        out.push_str(&format!(
            "<pre><code class=\"language-{lang}\">{}</code></pre>\n",
            escape(&text)
        ));
    }
    if let Some(text) = &question.text {
        out.push_str(&format!(
            "<p class=\"quiz-typed\"><label>Your answer <input type=\"text\" name=\"{name}\" data-key=\"{}\" size=\"16\" \
             autocapitalize=\"off\" spellcheck=\"false\"></label></p>\n",
            escape(text)
        ));
    } else {
        let kind = if question.several { "checkbox" } else { "radio" };
        if question.several {
            out.push_str("<p class=\"quiz-several\">Choose all that are right.</p>\n");
        }
        for (i, choice) in question.choices.iter().enumerate() {
            let key = if choice.right { " data-key=\"\"" } else { "" };
            out.push_str(&format!(
                "<label class=\"quiz-option\"><input type=\"{kind}\" name=\"{name}\" value=\"{i}\"{key}> \
                 <span>{}</span></label>\n",
                inline::shown(&choice.text)
            ));
        }
    }
    out.push_str(&format!(
        "<p class=\"quiz-check\"><button type=\"button\">Check<span class=\"quiz-hidden\"> answer {number}</span></button> \
         <span role=\"status\"></span></p>\n"
    ));
    out.push_str(&answer(number, question));
    out.push_str("</fieldset>\n");
    out
}

/// The answer and its reasons, closed until somebody opens them.
fn answer(number: usize, question: &Question) -> String {
    let right: Vec<String> = match &question.text {
        Some(text) => vec![format!("<code>{}</code>", escape(text))],
        None => {
            let right = question.choices.iter().filter(|c| c.right);
            right.map(|c| inline::shown(&c.text)).collect()
        }
    };
    let mut out = format!(
        "<details class=\"quiz-answer\"><summary>Answer {number}</summary>\n<p><strong>{}.</strong> {}</p>\n",
        right.join("; "),
        inline::shown(&question.why)
    );
    let reasons: Vec<String> = question
        .choices
        .iter()
        .enumerate()
        .filter_map(|(i, c)| {
            let because = c.because.as_ref()?;
            Some(format!(
                "<li data-for=\"{i}\"><em>{}</em>: {}</li>",
                inline::shown(&c.text),
                inline::shown(because)
            ))
        })
        .collect();
    if !reasons.is_empty() {
        out.push_str(&format!("<p>And why not:</p>\n<ul>{}</ul>\n", reasons.join("")));
    }
    if let Some((_, source)) = &question.source {
        out.push_str(&format!(
            "<p><a href=\"{}\">Read it again</a></p>\n",
            escape(&inline::address(source))
        ));
    }
    out.push_str("</details>\n");
    out
}

fn code(root: &Root, question: &Question) -> Option<(&'static str, String)> {
    match question.code.as_ref()? {
        Code::Written { text, .. } => Some(("rust", visible(text))),
        Code::Shown { path, .. } => {
            let included = bind::shown(root, path).ok()?;
            let lang = match included.path.rsplit(['.', '/']).next().unwrap_or_default() {
                "rs" => "rust",
                "Dockerfile" => "dockerfile",
                "yaml" | "yml" => "yaml",
                "toml" => "toml",
                "promql" => "promql",
                "proto" => "proto",
                _ => "text",
            };
            Some((lang, included.text.trim_end().to_owned()))
        }
    }
}

/// Lines that begin with `# ` are code that readers need not see, as in every Rust block.
fn visible(text: &str) -> String {
    let hidden = |line: &&str| {
        let line = line.trim_start();
        line == "#" || line.starts_with("# ")
    };
    let lines: Vec<&str> = text.lines().filter(|line| !hidden(line)).collect();
    lines.join("\n").trim_end().to_owned()
}
