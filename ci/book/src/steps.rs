//! What a listing shows beside its own lines: what changed since an earlier step (`since="…"`), and which of its lines
//! fold (`fold="…"`).
//!
//! Both name things that move with the code: a step is an earlier block of the book, a fold is an anchor of the shown
//! file. Struck lines of an earlier step are shown text too, so a step has to be a block that is proven in its place.

use std::ops::Range;

use crate::config::Config;
use crate::model::{Block, Finding, Root};
use crate::page::{self, Page, Pages};

/// The attributes that are read here.
pub const ATTRIBUTES: [&str; 2] = ["since", "fold"];

/// What is shown of a block beside its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What it is compared with.
    pub since: Option<Since>,
    /// The shown lines that fold, counted from 0 in what is shown; ascending, apart from each other.
    pub folds: Vec<Range<usize>>,
}

/// An earlier step of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The page that shows it.
    pub page: String,
    /// The line of its block there.
    pub line: usize,
    /// Its file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is wrong, and what to do about it.
type Wrong = (String, String);

/// Says of every block of the book what its attributes get wrong.
pub fn check(root: &Root, config: &Config, pages: &mut Pages) {
    let found: Vec<Finding> = pages
        .blocks()
        .filter_map(|block| {
            let (what, fix) = of(root, config, &pages.pages, block).err()?;
            Some(Finding::new(&block.page, block.line, what, fix))
        })
        .collect();
    pages.findings.extend(found);
}

/// What a block shows beside its lines.
///
/// # Errors
///
/// When a name leads nowhere, or to nothing that a reader would see.
pub fn of(root: &Root, config: &Config, pages: &[Page], block: &Block) -> Result<Step, Wrong> {
    let used: Vec<&str> = ATTRIBUTES
        .into_iter()
        .filter(|name| block.attr(name).is_some())
        .collect();
    let Some(first) = used.first() else {
        return Ok(Step::default());
    };
    if block.origin.file().is_none() {
        return Err((
            format!("`{first}` is for a listing, and this block shows no file"),
            "include a file, or take the attribute out".into(),
        ));
    }
    Ok(Step {
        since: block
            .attr("since")
            .map(|name| since(root, config, pages, block, name.trim()))
            .transpose()?,
        folds: block
            .attr("fold")
            .map_or(Ok(Vec::new()), |names| folds(root, block, names))?,
    })
}

fn since(root: &Root, config: &Config, pages: &[Page], block: &Block, name: &str) -> Result<Since, Wrong> {
    let earlier: Vec<&Block> = pages
        .iter()
        .flat_map(|page| &page.blocks)
        .take_while(|other| (other.page != block.page) || (other.line < block.line))
        .collect();
    let titled = earlier
        .iter()
        .rev()
        .find(|other| other.page == block.page && other.attr("title") == Some(name));
    let found = match titled {
        Some(other) => other.origin.file().map(|file| (*other, file.clone())),
        None => {
            let file = page::include(root, config, &block.page, name).map_err(|(what, _)| {
                (
                    format!("`since` names nothing: no earlier block of this page has the title `{name}`, and {what}"),
                    "name an earlier block by its title, or its file as its include does".to_owned(),
                )
            })?;
            let shows = |other: &&&Block| {
                let shown = other.origin.file().filter(|shown| shown.path == file.path);
                shown.is_some_and(|shown| file.lines.iter().all(|line| shown.lines.contains(line)))
            };
            earlier.iter().rev().find(shows).map(|other| (*other, file.clone()))
        }
    };
    let Some((other, file)) = found else {
        return Err((
            format!("`since` names `{name}`, which no block before this one shows"),
            "name what a reader has seen already".into(),
        ));
    };
    if block.origin.file().is_some_and(|shown| shown.text == file.text) {
        return Err((
            format!("nothing changed since `{name}`: the lines are the same"),
            "take `since` out, or name another step".into(),
        ));
    }
    Ok(Since {
        page: other.page.clone(),
        line: other.line,
        path: file.path,
        text: file.text,
    })
}

fn folds(root: &Root, block: &Block, names: &str) -> Result<Vec<Range<usize>>, Wrong> {
    let Some(shown) = block.origin.file() else {
        return Ok(Vec::new());
    };
    let text = std::fs::read_to_string(root.join(&shown.path)).unwrap_or_default();
    let mut folded = vec![false; shown.lines.len()];
    for name in names.split_whitespace() {
        let lines = page::anchor(&text, name).ok_or_else(|| {
            (
                format!("`fold` names `{name}`, and {} has no such anchor", shown.path),
                format!("put `ANCHOR: {name}` and `ANCHOR_END: {name}` around the lines that fold"),
            )
        })?;
        let mut is_shown = false;
        for (i, line) in shown.lines.iter().enumerate() {
            if lines.contains(line) {
                folded[i] = true;
                is_shown = true;
            }
        }
        if !is_shown {
            return Err((
                format!("`fold` names `{name}`, and this block shows no line of it"),
                "name an anchor inside of what is shown".into(),
            ));
        }
    }
    if folded.iter().all(|is| *is) {
        return Err((
            format!("`fold=\"{names}\"` folds everything, so that a reader sees nothing"),
            "fold only what does not matter here".into(),
        ));
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for i in (0..folded.len()).filter(|i| folded[*i]) {
        match ranges.last_mut() {
            Some(last) if last.end == i => last.end = i + 1,
            _ => ranges.push(i..i + 1),
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(files: &[(&str, &str)]) -> (tempfile::TempDir, Root, Config, Pages) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        let toml = "[preprocessor.book]\nlistings = [\"listings\"]\n";
        for (path, text) in files.iter().copied().chain([("book.toml", toml)]) {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let config = Config::load(&root).unwrap();
        let pages = page::load(&root, &config);
        (dir, root, config, pages)
    }

    const ONE: &str =
        "// ANCHOR: all\n// ANCHOR: head\nuse a;\nuse b;\n// ANCHOR_END: head\none();\n// ANCHOR_END: all\n";
    const TWO: &str = "use a;\nuse b;\ntwo();\n";

    fn with(page: &str) -> (tempfile::TempDir, Root, Config, Pages) {
        book(&[
            ("src/SUMMARY.md", "- [A](m/a.md)\n- [B](m/b.md)\n"),
            (
                "src/m/a.md",
                "# A\n\n```rust,title=\"first\"\n{{#include ../../listings/one.rs:all}}\n```\n",
            ),
            ("src/m/b.md", page),
            ("listings/one.rs", ONE),
            ("listings/two.rs", TWO),
        ])
    }

    #[test]
    fn a_step_is_an_earlier_block_by_its_include_or_its_title() {
        let (_dir, root, config, pages) = with(
            "# B\n\n```rust,title=\"now\",since=\"../../listings/one.rs:all\"\n{{#include ../../listings/two.rs}}\n```\n\n\
             ```rust,since=\"now\",fold=\"head\"\n{{#include ../../listings/one.rs:all}}\n```\n",
        );
        assert_eq!(pages.findings, []);
        let blocks: Vec<&Block> = pages.blocks().collect();
        let step = of(&root, &config, &pages.pages, blocks[1]).unwrap();
        assert_eq!(
            step.since,
            Some(Since {
                page: "src/m/a.md".into(),
                line: 3,
                path: "listings/one.rs".into(),
                text: "use a;\nuse b;\none();\n".into(),
            })
        );
        let step = of(&root, &config, &pages.pages, blocks[2]).unwrap();
        assert_eq!(step.since.map(|since| since.line), Some(3));
        assert_eq!(step.folds, std::slice::from_ref(&(0..2)));
    }

    #[test]
    fn what_leads_nowhere_is_said() {
        for (fence, what) in [
            (
                "since=\"../../listings/none.rs\"",
                "`since` names nothing: no earlier block of this page has the title `../../listings/none.rs`, and the \
                 included file listings/none.rs does not exist",
            ),
            (
                "since=\"../../listings/two.rs\"",
                "which no block before this one shows",
            ),
            ("since=\"../../listings/one.rs:none\"", "has no anchor `none`"),
            ("fold=\"none\"", "listings/two.rs has no such anchor"),
        ] {
            let page = format!("# B\n\n```rust,{fence}\n{{{{#include ../../listings/two.rs}}}}\n```\n");
            let (.., pages) = with(&page);
            assert!(
                pages.findings.len() == 1 && pages.findings[0].line == 3 && pages.findings[0].what.contains(what),
                "{fence}: {:?}",
                pages.findings
            );
        }
    }
}
