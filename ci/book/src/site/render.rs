//! One page for mdBook: each block becomes a figure with its caption, its text and the badge that opens its evidence.
//!
//! What is written here is Markdown with HTML blocks in it. The figure and the badge stand on lines of their own with
//! blank lines around the fence, so that mdBook still treats the fence as one (highlighting, hidden lines).

use std::collections::BTreeMap;

use mdbook_mermaid::Mermaid;
use mdbook_preprocessor::book::{Book, BookItem, Chapter};
use mdbook_preprocessor::config::Config;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use super::{code, escape, listing_address, room, session};
use crate::model::{Block, Origin, Root, Status, Verdict};
use crate::steps::Step;
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
    /// By the line of a block: what it shows beside its lines.
    pub steps: BTreeMap<usize, Step>,
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
    fn address(&self) -> String {
        page_address(&self.src, &self.path)
    }

    fn widget(&self, block: &Block) -> String {
        let place = widgets::Place {
            root: &self.root,
            to_root: &self.to_root(),
            address: &self.address(),
        };
        widgets::html(place, block)
    }

    /// Another page's address, as a link of this page.
    fn address_of(&self, page: &str) -> String {
        format!("{}{}", self.to_root(), page_address(&self.src, page))
    }
}

/// A page's address, relative to the site's root: `src/21-x/README.md` is `21-x/index.html`.
pub fn page_address(src: &str, page: &str) -> String {
    let inside = page.strip_prefix(src).unwrap_or(page).trim_start_matches('/');
    let stem = inside.strip_suffix(".md").unwrap_or(inside);
    match stem.strip_suffix("README") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{}index.html", super::encode(folder)),
        _ => format!("{}.html", super::encode(stem)),
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
    let step = page.steps.get(&block.line).cloned().unwrap_or_default();
    let mut out = format!(
        "<figure class=\"listing from-{} lang-{}\" id=\"block-{}\"{commands}>\n",
        block.origin.word(),
        escape(&block.lang),
        block.line
    );
    let caption = caption(page, block).unwrap_or_default();
    let since = step.since.as_ref().map(|since| {
        let name = escape(short_name(&page.path, &since.path));
        format!(
            "<a href=\"{}#block-{}\"><code>{name}</code></a>",
            page.address_of(&since.page),
            since.line
        )
    });
    let switches = code::switches(block, &step, since.as_deref());
    if !caption.is_empty() || !switches.is_empty() {
        out.push_str(&format!("<figcaption>{caption}{switches}</figcaption>\n"));
    }
    out.push_str(&lines(page, block, &step));
    out.push('\n');
    out.push_str(&badge(page, block, status));
    out.push_str("\n</figure>\n");
    out
}

/// What stands between a block's caption and its badge.
fn lines(page: &PageSource, block: &Block, step: &Step) -> String {
    let numbers = match &block.origin {
        Origin::Diagram => return format!("\n{}", diagram(&block.text)),
        Origin::Widget => return format!("\n{}", page.widget(block)),
        Origin::Listing(file) => {
            let address = format!("{}{}", page.to_root(), listing_address(&file.path));
            code::numbers(file, step, &address)
        }
        // Without numbers: what a program has printed is no file of the reader's.
        _ => String::new(),
    };
    let text = match block.origin.file() {
        Some(file) if *step != Step::default() => code::pre(block, file, step),
        _ => fence(block),
    };
    // The blank lines end one block of HTML and let another begin: Markdown ends this one at an empty line, and the one
    // that `<pre>` begins at its end.
    format!("<div class=\"code\">{numbers}\n\n{text}\n</div>\n")
}

fn caption(page: &PageSource, block: &Block) -> Option<String> {
    let title = block
        .attr("title")
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(heading);
    let Origin::Listing(file) = &block.origin else {
        return title;
    };
    let line = file.lines.first().copied().unwrap_or(1);
    let link = format!(
        "<a class=\"file\" href=\"{}{}#L{line}\"><code>{}</code></a>",
        page.to_root(),
        listing_address(&file.path),
        escape(short_name(&page.path, &file.path)),
    );
    Some(match title {
        Some(title) => format!("{link} <span class=\"dash\">—</span> {title}"),
        None => link,
    })
}

/// A title. The word before its colon says what the reader does with the listing: create, change, run, observe.
fn heading(title: &str) -> String {
    match title.split_once(": ") {
        Some((verb, rest)) if ["create", "change", "run", "observe"].contains(&verb) => format!(
            "<span class=\"title\"><span class=\"verb\">{verb}:</span> {}</span>",
            phrase(rest)
        ),
        _ => format!("<span class=\"title\">{}</span>", phrase(title)),
    }
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
        |made| format!("{}\n", with_room(made.trim(), text)),
    )
}

/// A diagram in the room that is kept for it until it is drawn.
fn with_room(made: &str, source: &str) -> String {
    match room::of(source) {
        Some((width, height)) => {
            format!("<div class=\"room\" style=\"--width:{width};--height:{height}\">\n\n{made}\n\n</div>")
        }
        None => made.to_owned(),
    }
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
    row("Check", &[escape(&status.check)]);
    if status.verdict != Verdict::Exempt {
        row("Lane", &[status.lane.to_string()]);
    }
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
    let (mut with, mut stand_ins) = (Vec::new(), Vec::new());
    for (name, what) in &status.versions {
        match named(name, what) {
            Named::Itself(text) => with.push(text),
            Named::StandIn(text) => stand_ins.push(text),
        }
    }
    row("With", &with);
    row("Stand-in", &stand_ins);
    if let Some(at) = &status.ran_at {
        row("When", &[format!("{}{}", time(at), took(status.seconds))]);
    }
    row("Hash", &[format!("<code>sha256:{}</code>", escape(&status.hash))]);
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
        // What has not run for this build may have run for another.
        Verdict::NotRun => "not run here",
        other => other.word(),
    }
}

/// A tool or an image that took part, as HTML.
pub(super) enum Named {
    /// What its name says.
    Itself(String),
    /// Something else, under its name.
    StandIn(String),
}

pub(super) fn named(name: &str, what: &str) -> Named {
    // Set-up's words for an image that it has built under an upstream name. They tell that name themselves.
    if what.contains("standing in for") {
        return Named::StandIn(phrase(what));
    }
    Named::Itself(if what.is_empty() || what == name {
        escape(name)
    } else if what.starts_with(name) {
        // `rustc` → `rustc 1.95.0 (…)` names itself already.
        phrase(what)
    } else {
        format!("{} {}", escape(name), phrase(what))
    })
}

/// `2026-11-24T09:12:33.5Z` as `<time>2026-11-24 09:12 UTC</time>`.
pub(super) fn time(at: &str) -> String {
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

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
