//! A page of the site as a document of an EPUB: the text of its `<main>` as XHTML, each block drawn anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use html5ever::tokenizer::{Tag, TagKind, Token};

use super::super::finish::{attribute, is_above};
use super::super::{decode, encode, escape, html, render};
use crate::model::{Block, Origin, Status};
use crate::widgets;

/// What stands in a page's figures.
pub(super) struct Figures<'a> {
    /// The page's blocks.
    pub(super) blocks: &'a [&'a Block],
    /// What is known of all blocks.
    pub(super) rows: &'a [Status],
    /// Page and line of a diagram's block → its picture and its width.
    pub(super) diagrams: &'a BTreeMap<(String, usize), (String, u32)>,
}

/// A page as XHTML.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) body: String,
    /// Answers to the page's questions, for the end of the book.
    pub(super) answers: String,
    pub(super) ids: BTreeSet<String>,
    /// Links inside the book: `page.xhtml#id`, or `#id`.
    pub(super) links: Vec<String>,
    /// Pictures of the site that the page shows.
    pub(super) images: BTreeSet<String>,
}

/// `a/b.html` in the EPUB.
pub(super) fn renamed(html: &str) -> String {
    format!("{}.xhtml", html.strip_suffix(".html").unwrap_or(html))
}

fn to_root(address: &str) -> String {
    "../".repeat(address.matches('/').count())
}

/// A whole document.
pub(super) fn document(language: &str, title: &str, address: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xmlns:epub=\"http://www.idpf.org/2007/ops\" lang=\"{language}\" \
         xml:lang=\"{language}\">\n<head>\n<title>{}</title>\n<link rel=\"stylesheet\" href=\"{}style.css\"/>\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        escape(title),
        to_root(address),
    )
}

/// The page `html` of a site, whose text is `text`. `inside` are the pages that the EPUB has.
pub(super) fn page(text: &str, html: &str, inside: &BTreeSet<String>, figures: &Figures<'_>) -> Made {
    let mut writer = Writer {
        html,
        inside,
        figures,
        made: Made::default(),
        open: Vec::new(),
        out: None,
    };
    let mut in_main = false;
    for (token, _) in html::tokens(text) {
        match token {
            Token::TagToken(tag) if &*tag.name == "main" => in_main = tag.kind == TagKind::StartTag,
            token if in_main => writer.token(token),
            _ => {}
        }
    }
    writer.close_to(0);
    writer.made
}

/// An open element: its name, and whether its tags are written.
struct Open {
    name: String,
    written: bool,
}

struct Writer<'a> {
    html: &'a str,
    inside: &'a BTreeSet<String>,
    figures: &'a Figures<'a>,
    made: Made,
    open: Vec<Open>,
    /// An element that is left out with all in it, and how many of its name are open.
    out: Option<(String, usize)>,
}

/// What only a page with a script has a use for.
const LEFT_OUT: [&str; 10] = [
    "script", "style", "template", "button", "svg", "iframe", "noscript", "nav", "select", "textarea",
];

/// Attributes that mean the same in a book.
const KEPT: [&str; 12] = [
    "id", "class", "alt", "title", "lang", "dir", "colspan", "rowspan", "scope", "start", "datetime", "cite",
];

impl<'a> Writer<'a> {
    fn token(&mut self, token: Token) {
        match token {
            Token::TagToken(tag) => {
                let start = tag.kind == TagKind::StartTag;
                if let Some((name, depth)) = &mut self.out {
                    if *name == *tag.name {
                        *depth = if start { *depth + 1 } else { *depth - 1 };
                        if *depth == 0 {
                            self.out = None;
                        }
                    }
                    return;
                }
                if start { self.start(&tag) } else { self.end(&tag.name) }
            }
            Token::CharacterTokens(text) if self.out.is_none() => self.made.body.push_str(&plain(&text)),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name = tag.name.to_string();
        // The table of contents says where a page is.
        if LEFT_OUT.contains(&name.as_str()) || name == "p" && is_above(tag) {
            if !tag.self_closing {
                self.out = Some((name, 1));
            }
            return;
        }
        if name == "figure"
            && let Some(block) = self.block(tag)
        {
            self.figure(block);
            self.out = Some((name, 1));
            return;
        }
        match name.as_str() {
            "input" => {
                if attribute(tag, "type").as_deref() == Some("checkbox") {
                    let done = attribute(tag, "checked").is_some();
                    self.made.body.push_str(if done { "☑ " } else { "☐ " });
                }
                return;
            }
            "img" => return self.image(tag),
            _ => {}
        }
        let mut attributes = String::new();
        let mut written =
            !name.contains('-') && !matches!(name.as_str(), "form" | "fieldset" | "label" | "legend" | "output");
        if name == "a" {
            match attribute(tag, "href").and_then(|target| self.link(&target)) {
                Some(target) if attribute(tag, "class").as_deref() != Some("header") => {
                    attributes.push_str(&format!(" href=\"{}\"", escape(&target)));
                }
                // The link of a heading to itself, or to what only the site has.
                _ => written = false,
            }
        }
        if written {
            for kept in KEPT {
                let Some(value) = attribute(tag, kept) else { continue };
                if kept == "id" && (value.is_empty() || !self.made.ids.insert(value.clone())) {
                    continue;
                }
                attributes.push_str(&format!(" {kept}=\"{}\"", escape(&value)));
            }
            let end = if html::is_void(&name) { "/" } else { "" };
            self.made.body.push_str(&format!("<{name}{attributes}{end}>"));
        }
        if !html::is_void(&name) && !tag.self_closing {
            self.open.push(Open { name, written });
        } else if written && !html::is_void(&name) {
            self.made.body.push_str(&format!("</{name}>"));
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.close_to(at);
        }
    }

    fn close_to(&mut self, at: usize) {
        while self.open.len() > at {
            if let Some(Open { name, written: true }) = self.open.pop() {
                self.made.body.push_str(&format!("</{name}>"));
            }
        }
    }

    /// A link of the page as the EPUB has it. `None` when it leads to what only the site has.
    fn link(&mut self, target: &str) -> Option<String> {
        let (path, fragment) = match target.split_once('#') {
            Some((path, fragment)) => (path, format!("#{fragment}")),
            None => (target, String::new()),
        };
        if path.is_empty() {
            self.made
                .links
                .push(decode(target).unwrap_or_else(|| target.to_owned()));
            return Some(target.to_owned());
        }
        if path.contains("://") || path.starts_with("mailto:") {
            return Some(target.to_owned());
        }
        let mut file = resolve(self.html, &decode(path)?)?;
        if file.is_empty() || file.ends_with('/') {
            file.push_str("index.html");
        }
        // The site's home page is a copy of the first one.
        if !self.inside.contains(&file) {
            return None;
        }
        let address = renamed(&file);
        let whole = format!("{address}{fragment}");
        self.made.links.push(decode(&whole).unwrap_or_else(|| whole.clone()));
        Some(format!("{}{}{fragment}", to_root(self.html), encode(&address)))
    }

    fn image(&mut self, tag: &Tag) {
        let Some(source) = attribute(tag, "src").and_then(|s| decode(&s)) else {
            return;
        };
        let alt = attribute(tag, "alt").unwrap_or_default();
        if let Some(file) = resolve(self.html, &source) {
            let src = format!("{}{}", to_root(self.html), encode(&file));
            self.made.images.insert(file);
            self.made
                .body
                .push_str(&format!("<img src=\"{}\" alt=\"{}\"/>", escape(&src), escape(&alt)));
        }
    }

    fn block(&self, figure: &Tag) -> Option<&'a Block> {
        let line: usize = attribute(figure, "id")?.strip_prefix("block-")?.parse().ok()?;
        self.figures.blocks.iter().copied().find(|block| block.line == line)
    }

    /// A block from what the page's source says, whatever the site makes of it.
    fn figure(&mut self, block: &Block) {
        let id = format!("block-{}", block.line);
        let mut out = format!("<figure id=\"{id}\">\n");
        let caption = caption(block);
        if !caption.is_empty() {
            out.push_str(&format!("<figcaption>{caption}</figcaption>\n"));
        }
        match &block.origin {
            Origin::Diagram => {
                if let Some((name, width)) = self.figures.diagrams.get(&(block.page.clone(), block.line)) {
                    let alt = block.attr("title").filter(|t| !t.is_empty()).unwrap_or("Diagram");
                    out.push_str(&format!(
                        "<img src=\"{}{name}\" alt=\"{}\" width=\"{width}\"/>\n",
                        to_root(self.html),
                        escape(alt)
                    ));
                }
            }
            Origin::Widget => {
                out.push_str(&markdown(&widgets::plain(block)));
                self.made.answers.push_str(&markdown(&widgets::answers(block)));
            }
            _ => out.push_str(&format!("<pre><code>{}</code></pre>\n", plain(&shown(block)))),
        }
        if let Some(row) = self
            .figures
            .rows
            .iter()
            .find(|r| r.page == block.page && r.line == block.line)
        {
            out.push_str(&format!("<p class=\"verdict\">{}</p>\n", render::words(row.verdict)));
        }
        out.push_str("</figure>");
        self.made.ids.insert(id);
        self.made.body.push_str(&out);
    }
}

fn caption(block: &Block) -> String {
    let title = block
        .attr("title")
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(render::phrase);
    let name = match &block.origin {
        Origin::Listing(file) => Some(format!(
            "<code>{}</code>",
            escape(render::short_name(&block.page, &file.path))
        )),
        _ => None,
    };
    [name, title].into_iter().flatten().collect::<Vec<_>>().join(" — ")
}

/// The text that readers see of a block.
fn shown(block: &Block) -> String {
    if let Some(file) = block.origin.file() {
        return file.text.trim_end_matches('\n').to_owned();
    }
    let lines = block.text.lines().filter_map(|line| {
        // What a page hides of the Rust that it writes.
        let rest = line.trim_start();
        match block.lang.as_str() {
            "rust" if rest == "#" || rest.starts_with("# ") => None,
            "rust" if rest.starts_with("##") => Some(line.replacen('#', "", 1)),
            _ => Some(line.to_owned()),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Markdown that a widget wrote, as XHTML.
fn markdown(text: &str) -> String {
    let mut html = String::from("<main>");
    let options = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_TASKLISTS;
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new_ext(text, options));
    html.push_str("</main>");
    let figures = Figures {
        blocks: &[],
        rows: &[],
        diagrams: &BTreeMap::new(),
    };
    page(&html, "", &BTreeSet::new(), &figures).body
}

/// Text of an element.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML has no such characters, escaped or not.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A relative address, from the site's root. `None` when it leads out of the site.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut at: Vec<String> = page.split('/').map(str::to_owned).collect();
    at.pop();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => at.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => {
                at.pop()?;
            }
            Component::CurDir => {}
            _ => return None,
        }
    }
    let mut found = at.join("/");
    if path.ends_with('/') && !found.is_empty() {
        found.push('/');
    }
    Some(found)
}
