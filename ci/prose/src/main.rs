//! `cargo run -p book-prose [PATTERN]`: the numbers of each page, and below them what deserves a second look.

use std::path::Path;

use anyhow::{Context, Result};
use book_prose::{Corpus, Glossary, Report, read};

/// Where a name of the prose may stand. Pages' own blocks are added to it.
const NAMED: &[&str] = &[
    "listings",
    "docker",
    "k8s",
    "ci",
    ".github",
    ".cargo",
    "theme",
    "book.toml",
    "Cargo.toml",
    "README.md",
];

fn main() -> Result<()> {
    let pattern = std::env::args().nth(1).unwrap_or_default();
    let here = std::env::current_dir()?;
    let root = here
        .ancestors()
        .find(|dir| dir.join("book.toml").is_file())
        .context("there is no book.toml here or above\n  fix: cd into a clone of the book")?;
    let mut corpus = Corpus::below(root, NAMED);
    let pages = pages(root)?;
    pages.iter().for_each(|(_, text)| corpus.add_blocks(text));
    let terms = pages.iter().find(|(path, _)| path.ends_with("glossary.md"));
    let glossary = Glossary::of(terms.map_or("", |(_, text)| text));
    let mut all = Report::default();
    for (path, text) in pages.iter().filter(|(path, _)| path.contains(&pattern)) {
        let report = Report::of(&read(text), &corpus, &glossary);
        println!("{path}: {}", report.numbers());
        for mark in &report.marks {
            println!("  {path}:{}: {}", mark.line, mark.what);
        }
        all.add(&report);
    }
    println!("all: {}", all.numbers());
    Ok(())
}

/// Every page below `src`, by its path, without the summary.
fn pages(root: &Path) -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for entry in ignore::WalkBuilder::new(root.join("src")).build() {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "md") && !path.ends_with("SUMMARY.md") {
            let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            pages.push((path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"), text));
        }
    }
    pages.sort();
    Ok(pages)
}
