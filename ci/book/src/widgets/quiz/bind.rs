//! What a quiz says of other files: output that a check captured, listings of its page, headings where it is taught.
//!
//! All of it is text that is there already, so it is looked at whenever the pages are read, and nothing runs.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Code, Proof, Question, Quiz, inline};
use crate::config::Config;
use crate::model::{Block, Finding, Included, Origin, Root};
use crate::page::{CAPTURED, Page, include};

/// The word for "what the sessions of this page show" in the place of a file.
pub const SESSION: &str = "session";

/// What is wrong between the quizzes of a page and the rest of the book.
pub fn together(root: &Root, page: &Page) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    for block in &page.blocks {
        let Some(quiz) = Quiz::of(block) else { continue };
        let at = |below: usize| block.line + below;
        if let Some(first) = ids.get(&quiz.id) {
            findings.push(Finding::new(
                &page.path,
                at(quiz.id_line),
                format!("the quiz of line {first} has the id `{}` too", quiz.id),
                "give each its own: results are kept under it",
            ));
        }
        ids.entry(quiz.id.clone()).or_insert(block.line);
        for question in &quiz.questions {
            let checks = [
                listing(root, page, question),
                question.proof.as_ref().and_then(|proof| {
                    let what = bound(root, page, question, proof);
                    what.err()
                }),
                source(root, page, question),
            ];
            let found = checks.into_iter().flatten();
            findings.extend(found.map(|(below, what, fix)| Finding::new(&page.path, at(below), what, fix)));
        }
    }
    findings
}

type Wrong = (usize, String, String);

/// A listing in a question is one that the page shows: the proof of that block is its proof.
fn listing(root: &Root, page: &Page, question: &Question) -> Option<Wrong> {
    let Some(Code::Shown { path, line }) = &question.code else {
        return None;
    };
    let included = match shown(root, path) {
        Ok(included) => included,
        Err((what, fix)) => return Some((*line, what, fix)),
    };
    let stands = page
        .blocks
        .iter()
        .filter_map(|b| b.origin.file())
        .any(|file| file.path == included.path && included.lines.iter().all(|line| file.lines.contains(line)));
    (!stands).then(|| {
        (
            *line,
            format!("no block of this page shows {path}, so nothing proves it"),
            "show it in a block of its own, or write the code in the question".into(),
        )
    })
}

/// The lines of a listing that a question names from the book's root.
pub fn shown(root: &Root, path: &str) -> Result<Included, (String, String)> {
    let config = Config::load(root).map_err(|finding| (finding.what, finding.fix))?;
    include(root, &config, "page.md", path)
}

/// The key against what a check captured: each right option is there, and no wrong one.
fn bound(root: &Root, page: &Page, question: &Question, proof: &Proof) -> Result<(), Wrong> {
    let text = material(root, page, proof)?;
    let text: String = match &proof.within {
        None => text,
        Some(words) => {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(words.as_str())).collect();
            if lines.is_empty() {
                let what = format!("no line of {} holds `{words}`", proof.from);
                return Err((proof.line, what, "correct `proof_line`".into()));
            }
            lines.join("\n")
        }
    };
    let text = spaced(&text);
    let holds = |option: &str| needles(option).iter().all(|needle| stands_in(&text, needle));
    if let Some(answer) = &question.text {
        if !stands_in(&text, &spaced(answer)) {
            return Err((
                question.key_line,
                format!("the answer `{answer}` is not in {}", proof.from),
                "correct the key, or the proof".into(),
            ));
        }
        return Ok(());
    }
    for choice in &question.choices {
        match (choice.right, holds(&choice.text)) {
            (true, false) => {
                return Err((
                    question.key_line,
                    format!("the key says `{}`, and {} does not", choice.text, proof.from),
                    "correct the key; of an option, what stands between backticks has to be there, or all of it".into(),
                ));
            }
            (false, true) => {
                return Err((
                    question.key_line,
                    format!("the key calls `{}` wrong, and {} says it", choice.text, proof.from),
                    "correct the key, or narrow the proof with proof_line = \"words of the one line\"".into(),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The text that a proof names.
fn material(root: &Root, page: &Page, proof: &Proof) -> Result<String, Wrong> {
    if proof.from == SESSION {
        let text = sessions(&page.blocks);
        if text.is_empty() {
            let what = "this page has no shell session that could prove anything".to_owned();
            return Err((proof.line, what, "name a captured file".into()));
        }
        return Ok(text);
    }
    let is_captured = proof.from.split('/').any(|part| part == CAPTURED) && !proof.from.contains("..");
    let on_page = page
        .blocks
        .iter()
        .filter_map(|b| b.origin.file())
        .find(|file| file.path == proof.from);
    match on_page {
        Some(file) if !is_captured => Ok(file.text.clone()),
        None if !is_captured => Err((
            proof.line,
            format!("{} is neither captured by a check nor shown on this page", proof.from),
            "name a file below a `captured` folder, a file that this page shows, or \"session\"".into(),
        )),
        _ => std::fs::read_to_string(root.join(&proof.from)).map_err(|_| {
            (
                proof.line,
                format!("{} does not exist: no check has captured it", proof.from),
                "correct the path from the book's root".into(),
            )
        }),
    }
}

/// What the sessions among these blocks print. Their commands are no output.
pub fn sessions(blocks: &[Block]) -> String {
    blocks
        .iter()
        .filter(|b| b.origin == Origin::Console && b.attr("exempt").is_none())
        .flat_map(|b| b.text.lines())
        .filter(|line| !line.starts_with("$ ") && !line.starts_with("> ") && !line.starts_with("    "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Whether a key is compared with the page's sessions.
pub fn reads_sessions(quiz: &Quiz) -> bool {
    let mut proofs = quiz.questions.iter().filter_map(|q| q.proof.as_ref());
    proofs.any(|p| p.from == SESSION)
}

/// The files that a quiz is compared with, from the book's root.
pub fn files(quiz: &Quiz) -> Vec<String> {
    let proofs = quiz.questions.iter().filter_map(|q| q.proof.as_ref());
    let proofs = proofs.filter(|p| p.from != SESSION).map(|p| p.from.clone());
    let listings = quiz.questions.iter().filter_map(|q| match &q.code {
        Some(Code::Shown { path, .. }) => path.split(':').next().map(str::to_owned),
        _ => None,
    });
    proofs.chain(listings).collect()
}

/// Of an option, what has to be in the proof: the code in it, or all of it.
fn needles(option: &str) -> Vec<String> {
    let code = inline::code(option);
    let all = if code.is_empty() { vec![option.to_owned()] } else { code };
    all.iter().map(|text| spaced(text)).collect()
}

/// Columns are aligned by blanks; a reader reads one.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text holds these words, and not as a part of longer ones: 10 is not in 1064.
fn stands_in(text: &str, needle: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !needle.is_empty()
        && text.match_indices(needle).any(|(at, found)| {
            let goes_on = |outside: Option<char>, edge: Option<char>| part(outside) && part(edge);
            let before = text[..at].chars().next_back();
            let after = text[at + found.len()..].chars().next();
            !goes_on(before, found.chars().next()) && !goes_on(after, found.chars().next_back())
        })
}

/// The heading where the book teaches it is there.
fn source(root: &Root, page: &Page, question: &Question) -> Option<Wrong> {
    let (line, source) = question.source.as_ref()?;
    let (path, heading) = source.split_once('#').unwrap_or((source, ""));
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let text = if path.is_empty() {
        page.text.clone()
    } else {
        match std::fs::read_to_string(root.path.join(folder).join(path)) {
            Ok(text) if path.ends_with(".md") => text,
            _ => {
                let what = format!("`source` names the page {path}, which does not exist");
                return Some((*line, what, "write it as a link from this page: page.md#heading".into()));
            }
        }
    };
    let ids = inline::heading_ids(&text);
    if ids.iter().any(|id| id == heading) {
        return None;
    }
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    Some((
        *line,
        format!(
            "`source` names the heading #{heading}, which is not there{}",
            crate::page::did_you_mean(heading, &names)
        ),
        "name the heading where a reader learns it".into(),
    ))
}
