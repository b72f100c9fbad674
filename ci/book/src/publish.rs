//! From a book that has been read to a site: built, checked, served.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::model::Finding;
use crate::preprocess::Proven;
use crate::run::Book;
use crate::site::{build, html, links};

/// Builds the site into a folder. A site that stands there is replaced only by a whole one.
pub fn site(book: &Book, dest: &Path) -> Result<()> {
    let shown: Vec<String> = book.pages.shown().into_keys().map(str::to_owned).collect();
    build::build(&book.root.path, dest, Proven, &shown)
}

/// Builds the site and looks at it as a reader's browser would: what is wrong, at the page's line.
pub fn check(book: &Book, dest: &Path) -> Result<Vec<Finding>> {
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
    site(book, dest)?;
    for problem in links::check(dest)? {
        let (page, line) =
            links::locate(&book.root.path, &book.config.src, &problem).unwrap_or_else(|| (problem.file.clone(), 1));
        findings.push(Finding::new(page, line, problem.what, "correct the link"));
    }
    Ok(findings)
}

/// Where `cargo book build` puts the site unless told otherwise.
pub fn default_dest(book: &Book) -> PathBuf {
    book.root.join("book")
}
