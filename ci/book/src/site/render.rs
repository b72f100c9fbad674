//! One page for mdBook: each block becomes a figure with its caption, its text and the badge that opens its evidence.
//!
//! What is written here is Markdown with HTML blocks in it. The figure and the badge stand on lines of their own with
//! blank lines around the fence, so that mdBook still treats the fence as one (highlighting, hidden lines).

use std::collections::BTreeMap;

use mdbook_mermaid::Mermaid;
use mdbook_preprocessor::book::{Book, BookItem, Chapter};
use mdbook_preprocessor::config::Config;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use super::{escape, listing_address, session};
use crate::model::{Block, Origin, Root, Status, Verdict};
use crate::widgets;

/// A page and its blocks.
#[derive(Clone, Debug)]
pub struct PageSource {
    /// The book's root.
    pub root: Root,
    /// The page, relative to the book's root (`src/21-containerization/first-image.md`).
    pub path: String,
    /// The folder of all pages, relative to the book's root (`src`).
    pub src: String,
    /// Its text, with as many lines as on disk.
    pub text: String,
    /// Its blocks, in order; `line` and `end_line` count in `text`.
    pub blocks: Vec<Block>,
}

impl PageSource {
    /// `../` for each folder that the page lies below the site's root.
    pub fn to_root(&self) -> String {
        let inside = self
            .path
            .strip_prefix(&self.src)
            .unwrap_or(&self.path)
            .trim_start_matches('/');
        "../".repeat(inside.matches('/').count())
    }

    /// Its address below the site's root.
    pub(crate) fn address(&self) -> String {
        address(&self.path, &self.src)
    }

    fn widget(&self, block: &Block) -> String {
        let place = widgets::Place {
            root: &self.root,
            to_root: &self.to_root(),
            address: &self.address(),
        };
        widgets::html(place, block)
    }
}

/// A page's address below the site's root.
pub fn address(path: &str, src: &str) -> String {
    let inside = path.strip_prefix(src).unwrap_or(path);
    let inside = inside.trim_start_matches('/');
    let stem = inside.strip_suffix(".md").unwrap_or(inside);
    match stem.strip_suffix("README") {
        Some(folder) => format!("{folder}index.html"),
        None => format!("{stem}.html"),
    }
}

/// The page's text as mdBook gets it. `status` answers by the line of a block's fence.
pub fn page(page: &PageSource, status: &dyn Fn(usize) -> Option<Status>) -> String {
    let lines: Vec<&str> = page.text.lines().collect();
    let mut out = String::with_capacity(page.text.len() * 2);
    let mut next = 1;
    for block in &page.blocks {
        for line in lines.get(next - 1..block.line - 1).unwrap_or_default() {
            out.push_str(line);
            out.push('\n');
        }
        let container = Container::of(lines.get(block.line - 1).copied().unwrap_or_default());
        container.write(&mut out, &figure(page, block, status(block.line).as_ref()));
        next = block.end_line + 1;
    }
    for line in lines.get(next - 1..).unwrap_or_default() {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// What stands before a fence that is inside a list item or a quotation.
struct Container {
    /// On its first line: `- ` or `> `.
    first: String,
    /// On every line after it: blanks instead of the list's marker.
    rest: String,
}

impl Container {
    fn of(fence: &str) -> Container {
        let first = &fence[..fence.find(['`', '~']).unwrap_or(0)];
        let rest: String = first
            .chars()
            .map(|c| if c == '>' || c == '\t' { c } else { ' ' })
            .collect();
        Container {
            first: first.to_owned(),
            rest,
        }
    }

    fn write(&self, out: &mut String, figure: &str) {
        // A fence may follow a paragraph without a blank line; the figure could then be taken for a part of it. A list
        // item that begins with the fence begins with the figure.
        let begins_item = self.first.trim_end().ends_with(['-', '*', '+', '.', ')']);
        if !begins_item {
            out.push_str(self.rest.trim_end());
            out.push('\n');
        }
        let mut prefix = if begins_item { &self.first } else { &self.rest };
        for line in figure.lines() {
            if line.is_empty() {
                out.push_str(prefix.trim_end());
            } else {
                out.push_str(prefix);
                out.push_str(line);
            }
            out.push('\n');
            prefix = &self.rest;
        }
        out.push_str(self.rest.trim_end());
        out.push('\n');
    }
}

fn figure(page: &PageSource, block: &Block, status: Option<&Status>) -> String {
    let mut commands = String::new();
    if block.origin == Origin::Console {
        commands = format!(" data-commands=\"{}\"", escape(&session::commands(&block.text)));
    }
    let mut out = format!(
        "<figure class=\"listing from-{} lang-{}\" id=\"block-{}\"{commands}>\n",
        block.origin.word(),
        escape(&block.lang),
        block.line
    );
    if let Some(caption) = caption(page, block) {
        out.push_str(&format!("<figcaption>{caption}</figcaption>\n"));
    }
    out.push('\n');
    out.push_str(&match block.origin {
        Origin::Diagram => diagram(&block.text),
        Origin::Widget => page.widget(block),
        _ => fence(block),
    });
    out.push('\n');
    out.push_str(&badge(page, block, status));
    out.push_str("\n</figure>\n");
    out
}

fn caption(page: &PageSource, block: &Block) -> Option<String> {
    let title = block.attr("title").map(str::trim).filter(|t| !t.is_empty()).map(phrase);
    let Origin::Listing(file) = &block.origin else {
        return title;
    };
    let line = file.lines.first().copied().unwrap_or(1);
    let link = format!(
        "<a href=\"{}{}#L{line}\"><code>{}</code></a>",
        page.to_root(),
        listing_address(&file.path),
        escape(short_name(&page.path, &file.path)),
    );
    Some(match title {
        Some(title) => format!("{link} — {title}"),
        None => link,
    })
}

/// A title, with what stands between backticks as code.
pub(crate) fn phrase(title: &str) -> String {
    let mut out = String::new();
    let parts: Vec<&str> = title.split('`').collect();
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 1 && i + 1 < parts.len() {
            out.push_str(&format!("<code>{}</code>", escape(part)));
        } else {
            if i % 2 == 1 {
                out.push('`');
            }
            out.push_str(&escape(part));
        }
    }
    out
}

/// What follows the folder that page and file have in common by name: a page of `src/21-x/` calls
/// `listings/21-x/links-api/src/main.rs` `links-api/src/main.rs`.
pub(crate) fn short_name<'a>(page: &str, path: &'a str) -> &'a str {
    let folder = page.rsplit('/').nth(1).unwrap_or_default();
    if folder.is_empty() {
        return path;
    }
    match path.split_once(&format!("/{folder}/")) {
        Some((_, rest)) => rest,
        None => path,
    }
}

fn fence(block: &Block) -> String {
    let (text, from_file) = match block.origin.file() {
        Some(file) => (file.text.as_str(), true),
        None => (block.text.as_str(), false),
    };
    let ticks = "`".repeat(longest_run(text, '`').max(2) + 1);
    let mut info = block.lang.clone();
    for word in ["compile_fail", "should_panic"] {
        if block.attr(word).is_some() {
            info.push_str(&format!(",{word}"));
        }
    }
    let mut out = format!("{ticks}{info}\n");
    for line in text.lines() {
        // `# ` hides a line of Rust that a page writes. In a file it is what the file says.
        let line = if from_file && block.lang == "rust" {
            keep_hash(line)
        } else {
            line.to_owned()
        };
        out.push_str(&keep_directive(&line));
        out.push('\n');
    }
    out.push_str(&ticks);
    out.push('\n');
    out
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// mdBook hides a line of Rust that begins with `# `, and takes one `#` away from `##`.
fn keep_hash(line: &str) -> String {
    let rest = line.trim_start();
    if rest == "#" || rest.starts_with("# ") || rest.starts_with("##") {
        format!("{}#{rest}", &line[..line.len() - rest.len()])
    } else {
        line.to_owned()
    }
}

/// A line of a file may itself say `{{#include …}}`; mdBook's way to keep it is a backslash before the first.
fn keep_directive(line: &str) -> String {
    match line.find("{{#") {
        Some(at) if line[at..].contains("}}") => format!("{}\\{}", &line[..at], &line[at..]),
        _ => line.to_owned(),
    }
}

/// What mdbook-mermaid makes of a diagram: `<pre class="mermaid">`.
fn diagram(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text, '`').max(2) + 1);
    let mut end = "\n";
    if text.ends_with('\n') {
        end = "";
    }
    let chapter = Chapter::new(
        "",
        format!("{ticks}mermaid\n{text}{end}{ticks}\n"),
        "diagram.md",
        Vec::new(),
    );
    let context = PreprocessorContext::new(".".into(), Config::default(), "html".into());
    let made = Mermaid
        .run(&context, Book::new_with_items(vec![BookItem::Chapter(chapter)]))
        .ok()
        .and_then(|book| book.chapters().next().map(|chapter| chapter.content.clone()));
    // It is a pure function of this text; if it ever fails, the reader sees the diagram's source.
    made.map_or_else(
        || format!("<pre>{}</pre>\n", escape(text)),
        |made| format!("{}\n", made.trim()),
    )
}

/// The badge: one line of HTML.
fn badge(page: &PageSource, block: &Block, status: Option<&Status>) -> String {
    let Some(status) = status else {
        return "<details class=\"evidence not-run\"><summary><span class=\"verdict\">not run</span></summary>\
                <p>Nothing is known of this block.</p></details>\n"
            .into();
    };
    let mut rows = String::new();
    let mut row = |name: &str, values: &[String]| {
        if !values.is_empty() {
            rows.push_str(&format!("<dt>{name}</dt>"));
            rows.extend(values.iter().map(|value| format!("<dd>{value}</dd>")));
        }
    };
    if !status.reason.is_empty() {
        row("Why", &[escape(&status.reason)]);
    }
    row(
        "Check",
        &[format!("{}, in the {} lane", escape(&status.check), status.lane)],
    );
    if let Some(file) = block.origin.file() {
        let address = format!("{}{}", page.to_root(), listing_address(&file.path));
        let line = file.lines.first().copied().unwrap_or(1);
        row(
            "File",
            &[format!(
                "<a href=\"{address}#L{line}\"><code>{}</code></a>",
                escape(&file.path)
            )],
        );
    }
    row(
        "Seen",
        &status.evidence.iter().map(|seen| escape(seen)).collect::<Vec<_>>(),
    );
    let with: Vec<String> = status.versions.iter().map(|(name, what)| named(name, what)).collect();
    row("With", &with);
    if let Some(at) = &status.ran_at {
        row("When", &[format!("{}{}", time(at), took(status.seconds))]);
    }
    row("Text", &[format!("<code>sha256:{}</code>", escape(&status.hash))]);
    let check = match status.verdict {
        Verdict::Verified => &status.check,
        _ => &status.reason,
    };
    format!(
        "<details class=\"evidence {class}\"><summary><span class=\"verdict\">{words}</span> \
         <span class=\"check\">{check}</span></summary><dl>{rows}</dl></details>\n",
        class = status.verdict.word(),
        words = words(status.verdict),
        check = escape(check),
    )
}

pub(crate) fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotRun => "not run",
        other => other.word(),
    }
}

fn named(name: &str, what: &str) -> String {
    if what.is_empty() || what == name {
        return escape(name);
    }
    // `rustc` → `rustc 1.95.0 (…)` names itself already.
    if what.starts_with(name) {
        return phrase(what);
    }
    format!("{}: {}", escape(name), phrase(what))
}

/// `2026-11-24T09:12:33.5Z` as `<time>2026-11-24 09:12 UTC</time>`.
fn time(at: &str) -> String {
    let shown = match (at.get(..10), at.get(10..11), at.get(11..16), at.ends_with('Z')) {
        (Some(day), Some("T"), Some(clock), true) => format!("{day} {clock} UTC"),
        _ => at.to_owned(),
    };
    format!("<time datetime=\"{}\">{}</time>", escape(at), escape(&shown))
}

fn took(seconds: f64) -> String {
    match seconds {
        s if s <= 0.0 => String::new(),
        s if s < 0.1 => ", in under 0.1 s".into(),
        s if s < 120.0 => format!(", in {s:.1} s"),
        s => format!(", in {:.1} min", s / 60.0),
    }
}

/// The table that `{{#evidence}}` shows: what is known of all blocks, by language.
pub fn totals(rows: &[Status]) -> String {
    const COLUMNS: [(&str, &[Verdict]); 4] = [
        ("Verified", &[Verdict::Verified]),
        ("Not run", &[Verdict::NotRun]),
        ("Failed or stale", &[Verdict::Failed, Verdict::Stale]),
        ("Exempt", &[Verdict::Exempt]),
    ];
    let mut languages: BTreeMap<&str, Vec<&Status>> = BTreeMap::new();
    for row in rows {
        languages.entry(&row.lang).or_default().push(row);
    }
    let cells = |rows: &[&Status]| -> String {
        let mut cells = format!("<td>{}</td>", rows.len());
        for (_, verdicts) in COLUMNS {
            let n = rows.iter().filter(|r| verdicts.contains(&r.verdict)).count();
            let class = if n == 0 { " class=\"none\"" } else { "" };
            cells.push_str(&format!("<td{class}>{n}</td>"));
        }
        cells
    };
    let mut out = String::from(
        "<div class=\"table-wrapper\"><table class=\"evidence-totals\"><caption>The blocks of this book</caption>\
         <thead><tr><th scope=\"col\">Language</th><th scope=\"col\">Blocks</th>",
    );
    for (name, _) in COLUMNS {
        out.push_str(&format!("<th scope=\"col\">{name}</th>"));
    }
    out.push_str("</tr></thead><tbody>");
    for (language, rows) in &languages {
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th>{}</tr>",
            escape(language),
            cells(rows)
        ));
    }
    let all: Vec<&Status> = rows.iter().collect();
    out.push_str(&format!(
        "</tbody><tfoot><tr><th scope=\"row\">All</th>{}</tr></tfoot></table></div>\n",
        cells(&all)
    ));
    out.push_str(&when_and_on_what(rows));
    out
}

fn when_and_on_what(rows: &[Status]) -> String {
    let mut times: Vec<&str> = rows.iter().filter_map(|r| r.ran_at.as_deref()).collect();
    times.sort_unstable();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return "<p class=\"evidence-when\">No check has run yet.</p>\n".into();
    };
    let versions: BTreeMap<&str, &str> = rows
        .iter()
        .flat_map(|r| &r.versions)
        .map(|(name, what)| (name.as_str(), what.as_str()))
        .collect();
    let with: Vec<String> = versions.iter().map(|(name, what)| named(name, what)).collect();
    let with = if with.is_empty() {
        String::new()
    } else {
        format!(", with {}", with.join("; "))
    };
    let when = match (time(first), time(last)) {
        (first, last) if first == last => format!("at {first}"),
        (first, last) => format!("between {first} and {last}"),
    };
    format!("<p class=\"evidence-when\">This evidence was made {when}{with}.</p>\n")
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
