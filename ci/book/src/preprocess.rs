//! The preprocessor that mdBook runs: each block with its text, its caption and its badge.
//!
//! The same code serves `cargo book` (in process) and stock mdBook (as the command of `[preprocessor.book]`).

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use mdbook_preprocessor::book::{Book as MdBook, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::model::{Root, Status};
use crate::page::{Page, fact_file, fact_pattern};
use crate::run::Book;
use crate::site::aids::Contents;
use crate::site::{progress, render, state};
use crate::{steps, widgets};

/// Reads the book's evidence when mdBook calls it.
#[derive(Debug)]
pub struct Proven;

impl Preprocessor for Proven {
    fn name(&self) -> &str {
        "book"
    }

    fn run(&self, context: &PreprocessorContext, mut md: MdBook) -> Result<MdBook> {
        let book = Book::read(Root {
            path: context.root.clone(),
        })?;
        if !book.pages.findings.is_empty() {
            let said: Vec<String> = book.pages.findings.iter().map(ToString::to_string).collect();
            bail!("{}", said.join("\n"));
        }
        let report = book.report();
        let mut by_page: BTreeMap<&str, Vec<&Status>> = BTreeMap::new();
        for row in &report.blocks {
            by_page.entry(&row.page).or_default().push(row);
        }
        let contents = Contents::of(&md, &book.config.src);
        let mut failed = None;
        md.for_each_mut(|item| {
            let BookItem::Chapter(chapter) = item else { return };
            let Some(source) = &chapter.source_path else { return };
            let path = format!("{}/{}", book.config.src, source.to_string_lossy().replace('\\', "/"));
            let Some(page) = book.pages.pages.iter().find(|p| p.path == path) else {
                return;
            };
            let rows = by_page.get(path.as_str()).map(Vec::as_slice).unwrap_or_default();
            match page_text(&book, page, rows, &report, &contents) {
                Ok(text) => chapter.content = text,
                Err(e) => failed = Some(e),
            }
        });
        failed.map_or(Ok(md), Err)
    }
}

fn page_text(
    book: &Book,
    page: &Page,
    rows: &[&Status],
    report: &crate::status::Report,
    contents: &Contents,
) -> Result<String> {
    // Facts first: they stand in prose and in no block, so the line numbers of blocks stay.
    let mut missing = None;
    let text = fact_pattern().replace_all(&page.text, |found: &regex::Captures<'_>| {
        let value = fact_file(&book.root, &book.config, &found[1])
            .and_then(|f| std::fs::read_to_string(book.root.join(&f)).ok());
        value.map(|v| v.trim_end().to_owned()).unwrap_or_else(|| {
            missing = Some(found[1].to_owned());
            String::new()
        })
    });
    if let Some(name) = missing {
        bail!("{}: no check has measured the fact `{name}`", page.path);
    }
    let step = |block| steps::of(&book.root, &book.config, &book.pages.pages, block);
    let source = render::PageSource {
        root: book.root.clone(),
        path: page.path.clone(),
        src: book.config.src.clone(),
        text: text.into_owned(),
        blocks: page.blocks.clone(),
        // What cannot be resolved is a finding of the page, and with one there is no site.
        steps: page
            .blocks
            .iter()
            .filter_map(|b| Some((b.line, step(b).ok()?)))
            .collect(),
    };
    let status = |line: usize| rows.iter().find(|r| r.line == line).map(|r| (*r).clone());
    let to_root = source.to_root();
    let mut text = render::page(&source, &status);
    for (directive, shown) in [
        ("{{#evidence}}", &(|| state::totals(report)) as &dyn Fn() -> String),
        ("{{#state}}", &|| state::state(report, contents, &to_root)),
        ("{{#modules}}", &|| contents.modules(&to_root)),
        ("{{#exercises}}", &|| {
            widgets::exercise::list(&book.config, &book.pages, &to_root)
        }),
        (progress::MARK, &|| {
            let named = |page: &Page| contents.named(&page.path);
            progress::html(&book.pages.pages, &named, &to_root)
        }),
    ] {
        if text.contains(directive) {
            text = text.replace(directive, &shown());
        }
    }
    let above = contents.above(&page.path, &to_root);
    let onward = contents.onward(&page.path, &to_root);
    Ok(format!("{above}{text}{onward}"))
}
