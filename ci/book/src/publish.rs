//! From a book that has been read to a site: built, checked, served; and to an EPUB.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Result;
use regex::Regex;

use crate::model::{Finding, Origin};
use crate::preprocess::Proven;
use crate::run::Book;
use crate::site::finish::{self, Options};
use crate::site::{build, epub, html, links, search};

/// Builds the site into a folder. A site that stands there is replaced only by a whole one.
pub fn site(book: &Book, dest: &Path, options: &Options) -> Result<()> {
    let shown: Vec<String> = book.pages.shown().into_keys().map(str::to_owned).collect();
    build::build(&book.root.path, dest, Proven, &shown, options)
}

/// Builds the site and looks at it as a reader's browser would: what is wrong, at the page's line.
pub fn check(book: &Book, dest: &Path, options: &Options) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for page in &book.pages.pages {
        for problem in html::check(&page.text) {
            findings.push(Finding::new(
                &page.path,
                problem.line,
                problem.what,
                "close or remove the tag",
            ));
        }
    }
    // A page that the text alone shows to be wrong is reported already; there is no site to look at.
    if !book.pages.findings.is_empty() || !findings.is_empty() {
        return Ok(findings);
    }
    site(book, dest, options)?;
    for problem in links::check(dest)? {
        let (page, line) =
            links::locate(&book.root.path, &book.config.src, &problem).unwrap_or_else(|| (problem.file.clone(), 1));
        findings.push(Finding::new(page, line, problem.what, "correct the link"));
    }
    for problem in finish::check(dest)? {
        let page = links::source_of(&book.root.path, &book.config.src, &problem.file).unwrap_or(problem.file);
        findings.push(Finding::new(page, 1, problem.what, problem.fix));
    }
    findings.extend(not_found(book, dest)?);
    Ok(findings)
}

/// The site and the EPUB of the same text, from one build.
pub fn epub(book: &Book, site: &Path, file: &Path) -> Result<epub::Made> {
    epub::write(book, site, file)
}

/// Commands and error messages that pages print and that the site's search does not find.
fn not_found(book: &Book, site: &Path) -> Result<Vec<Finding>> {
    // Where several pages print the same, any of them is what a reader looks for.
    let mut places: BTreeMap<String, Vec<(&str, usize)>> = BTreeMap::new();
    for page in &book.pages.pages {
        for (line, words) in page.blocks.iter().flat_map(printed) {
            places.entry(words).or_default().push((&page.path, line));
        }
    }
    let queries: Vec<search::Query> = places
        .iter()
        .map(|(words, at)| search::Query {
            words: words.clone(),
            pages: at
                .iter()
                .map(|(page, _)| links::address_of(&book.config.src, page))
                .collect(),
        })
        .collect();
    let findings = search::missed(site, &queries)?
        .into_iter()
        .flat_map(|i| places.iter().nth(i))
        .map(|(words, at)| {
            Finding::new(
                at[0].0,
                at[0].1,
                format!("a reader who searches for what stands here does not find it: {words}"),
                "name what is special about it in the text around it",
            )
        });
    Ok(findings.collect())
}

/// The commands of a block and the errors in it, each with its line.
fn printed(block: &crate::model::Block) -> Vec<(usize, String)> {
    static ERROR: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?i)^\s*(error|fatal|panic|warning)\b|\berror(\[|:)|not found|no such|denied|refused|forbidden|BackOff|OOMKilled|panicked|cannot |is invalid",
        )
        .expect("a constant pattern")
    });
    let is_session = block.origin == Origin::Console;
    let text = match (&block.origin, block.origin.file()) {
        (Origin::Console, _) => &block.text,
        (Origin::Output(_), Some(file)) => &file.text,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        // An included file has one line in the page.
        let at = if is_session { block.line + 1 + i } else { block.line };
        match line.strip_prefix("$ ").filter(|_| is_session) {
            // What follows a backslash is searched for with what stands before it.
            Some(command) => found.push((at, command.to_owned())),
            None if ERROR.is_match(line) => found.push((at, line.trim().to_owned())),
            None => {}
        }
    }
    // A brace or a word that every page has is nothing that a reader searches for.
    found.retain(|(_, words)| {
        words
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.len() > 2)
            .count()
            >= 2
    });
    found
}

/// Where `cargo book build` puts the site unless told otherwise.
pub fn default_dest(book: &Book) -> PathBuf {
    book.root.join("book")
}
