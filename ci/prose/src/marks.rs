//! What is marked: hedges, names that stand in no listing, terms without a glossary entry or without a link to it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::{Mark, Paragraph};

/// Words that take back what the sentence says, or tell readers how hard they may find it.
const HEDGES: &str = r"(?i)\b(usually|simply|just|obviously|basically|of course|easily|easy|quite|very|perhaps|maybe|probably|might|actually|clearly|typically|generally|in general|a bit|somewhat|sort of|as you know|etc)\b";

/// Short names that a Rust programmer has met before the first page.
const MET: &[&str] = &[
    "API", "CPU", "HTTP", "HTTPS", "ID", "IO", "JSON", "OK", "OS", "RAM", "RFC", "SQL", "SSH", "TCP", "TOML", "UDP",
    "URL", "UTC", "UTF", "YAML", "HTML", "CSS", "PDF", "CI", "DNS", "TLS", "IP", "ASCII", "README", "MIT", "GET",
    "POST", "PUT", "DELETE", "PATCH",
];

/// The hedging words of a page.
pub fn hedges(paragraphs: &[Paragraph]) -> Vec<Mark> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(HEDGES).expect("a constant pattern"));
    let plain = paragraphs.iter().flat_map(|p| &p.plain);
    plain
        .flat_map(|(line, text, _)| {
            PATTERN.find_iter(text).map(|found| Mark {
                line: *line,
                what: format!("hedge: {}", found.as_str().to_lowercase()),
            })
        })
        .collect()
}

/// All text in which a name of the prose can stand: listings, configuration, the verifier, what pages show.
#[derive(Debug, Default)]
pub struct Corpus {
    text: String,
}

impl Corpus {
    /// Reads every file below these folders that git does not ignore, as far as it is text.
    pub fn below(root: &Path, folders: &[&str]) -> Corpus {
        let mut corpus = Corpus::default();
        let mut walk = ignore::WalkBuilder::new(root.join(folders.first().copied().unwrap_or_default()));
        for folder in folders.iter().skip(1) {
            walk.add(root.join(folder));
        }
        let files = walk.hidden(false).build().filter_map(Result::ok);
        for file in files.filter(|f| f.file_type().is_some_and(|t| t.is_file())) {
            if let Ok(text) = std::fs::read_to_string(file.path()) {
                // Paths are names too.
                corpus.add(&file.path().strip_prefix(root).unwrap_or(file.path()).to_string_lossy());
                corpus.add(&text);
            }
        }
        corpus
    }

    /// Adds the fenced blocks of a page, which its prose may name.
    pub fn add_blocks(&mut self, markdown: &str) {
        let mut inside = false;
        for line in markdown.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if inside {
                self.add(line);
            }
        }
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// The code spans of which some word stands nowhere.
    pub fn unknown(&self, paragraphs: &[Paragraph]) -> Vec<Mark> {
        let mut seen = BTreeSet::new();
        let spans = paragraphs.iter().flat_map(|p| &p.code);
        let mut marks = Vec::new();
        for (line, span) in spans {
            if self.text.contains(span.as_str()) || !seen.insert(span) {
                continue;
            }
            let lost: Vec<&str> = span
                .split_whitespace()
                .filter(|word| !self.text.contains(word))
                .collect();
            if !lost.is_empty() {
                let what = format!("`{}` stands in no listing", lost.join("` and `"));
                marks.push(Mark { line: *line, what });
            }
        }
        marks
    }
}

/// The terms that the glossary explains.
#[derive(Debug, Default)]
pub struct Glossary {
    terms: Vec<(String, Regex)>,
    text: String,
}

impl Glossary {
    /// The terms are the glossary's second-level headings.
    pub fn of(markdown: &str) -> Glossary {
        let headings = markdown.lines().filter_map(|line| line.strip_prefix("## "));
        let terms = headings.filter_map(|term| {
            let pattern = format!(r"(?i)\b{}(?:e?s)?\b", regex::escape(term.trim()));
            Some((term.trim().to_owned(), Regex::new(&pattern).ok()?))
        });
        Glossary {
            terms: terms.collect(),
            text: markdown.to_owned(),
        }
    }

    /// Terms whose first use on the page is not a link to the glossary.
    pub fn unlinked(&self, paragraphs: &[Paragraph]) -> Vec<Mark> {
        let first = |pattern: &Regex| {
            let mut plain = paragraphs.iter().flat_map(|p| &p.plain);
            plain.find(|(_, text, _)| pattern.is_match(text))
        };
        let used = self
            .terms
            .iter()
            .filter_map(|(term, pattern)| Some((term, first(pattern)?)));
        used.filter(|(_, (_, _, linked))| !linked)
            .map(|(term, (line, ..))| Mark {
                line: *line,
                what: format!("the first use of “{term}” is not linked to the glossary"),
            })
            .collect()
    }

    /// Short names in capitals that the glossary does not say.
    pub fn undefined(&self, paragraphs: &[Paragraph]) -> Vec<Mark> {
        static CAPITALS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\b[A-Z][A-Z0-9]+\b").expect("a constant pattern"));
        let mut seen: BTreeSet<&str> = MET.iter().copied().collect();
        let mut marks = Vec::new();
        for (line, text, _) in paragraphs.iter().flat_map(|p| &p.plain) {
            for found in CAPITALS.find_iter(text) {
                let name = found.as_str();
                // An error's code explains itself where it stands.
                let code = name.starts_with('E') && name[1..].chars().all(|c| c.is_ascii_digit());
                let known = self.text.contains(name);
                if !code && !known && seen.insert(name) {
                    let what = format!("{name} is explained nowhere in the glossary");
                    marks.push(Mark { line: *line, what });
                }
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(marks: Vec<Mark>) -> Vec<String> {
        marks.into_iter().map(|m| format!("{} {}", m.line, m.what)).collect()
    }

    #[test]
    fn a_hedge_is_marked_where_it_stands() {
        let page = crate::read("It works.\nIt is usually\nfast, and `just` stays.\n");
        assert_eq!(said(hedges(&page)), ["2 hedge: usually"]);
    }

    #[test]
    fn a_name_that_no_listing_has_is_marked() {
        let mut corpus = Corpus::default();
        corpus.add_blocks("```console\n$ docker run --rm web\n```\nnot --this\n");
        let page = crate::read("Use `docker run --rm` and\n`docker run --this`.\n");
        assert_eq!(said(corpus.unknown(&page)), ["2 `--this` stands in no listing"]);
    }

    #[test]
    fn a_term_is_linked_where_it_is_used_first() {
        let glossary = Glossary::of("# Glossary\n\n## Image\n\n## RBAC\n\n## Lane\n");
        let page = crate::read(
            "Two images.\nAn [image](../appendix/glossary.md#image).\n\nA [lane](glossary.md#lane), a lane. OOM, RBAC.\n",
        );
        assert_eq!(
            said(glossary.unlinked(&page)),
            [
                "1 the first use of “Image” is not linked to the glossary",
                "4 the first use of “RBAC” is not linked to the glossary"
            ]
        );
        assert_eq!(
            said(glossary.undefined(&page)),
            ["4 OOM is explained nowhere in the glossary"]
        );
    }
}
