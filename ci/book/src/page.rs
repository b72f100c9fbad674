//! Pages to blocks: what the verifier sees of a book's Markdown.
//!
//! Every rule that needs nothing but the text is applied here and gives a [`Finding`] with page and line: bare fences,
//! unknown tags and attributes, includes that do not resolve, pages that no summary names, listings that no page
//! shows, numbers that somebody typed. Nothing is run here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::config::Config;
use crate::exercise::{self, Exercise};
use crate::formats::Format;
use crate::model::{Block, Finding, Included, Origin, Root};
use crate::widgets;

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Relative to the root: `src/preface.md`.
    pub path: String,
    /// The text as it is on disk.
    pub text: String,
    /// Its fenced blocks, in order.
    pub blocks: Vec<Block>,
    /// The facts that its prose shows: line and the captured file.
    pub facts: Vec<(usize, String)>,
    /// First and last line of every fence, also of those that are not blocks because something is wrong with them.
    fences: Vec<(usize, usize)>,
}

#[cfg(test)]
impl Page {
    /// A page that holds these blocks.
    pub(crate) fn of_blocks(path: &str, blocks: Vec<Block>) -> Page {
        Page {
            path: path.into(),
            text: String::new(),
            blocks,
            facts: Vec::new(),
            fences: Vec::new(),
        }
    }
}

/// All pages and what is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// In the order of the summary.
    pub pages: Vec<Page>,
    /// What there is to do.
    pub exercises: Vec<Exercise>,
    /// What the text alone shows to be wrong.
    pub findings: Vec<Finding>,
}

impl Pages {
    /// All blocks, in reading order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.pages.iter().flat_map(|page| &page.blocks)
    }

    /// Every file that some page shows, with the blocks that do.
    pub fn shown(&self) -> BTreeMap<&str, Vec<&Block>> {
        let mut shown: BTreeMap<&str, Vec<&Block>> = BTreeMap::new();
        for block in self.blocks() {
            if let Some(file) = block.origin.file() {
                shown.entry(&file.path).or_default().push(block);
            }
        }
        shown
    }
}

/// The folder name that marks files which only a check writes.
pub const CAPTURED: &str = "captured";

/// Languages, and the attributes that only they take.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("rust", &["compile_fail", "should_panic"]),
    ("console", &["dir", "exit", "match", "budget", "lane"]),
    ("mermaid", &[]),
    ("toml", &[]),
    ("dockerfile", &[]),
    ("yaml", &["refused"]),
    ("json", &[]),
    ("proto", &[]),
    ("promql", &[]),
    ("sql", &[]),
    ("sh", &[]),
    ("html", &[]),
    ("css", &[]),
    ("javascript", &[]),
    ("text", &[]),
    ("quiz", &[]),
    ("lab", &[]),
    ("exercise", &[]),
];

/// Attributes of every language.
const COMMON: &[&str] = &["title", "exempt", "since", "fold"];

/// Reads the summary and every page below the book's source folder.
pub fn load(root: &Root, config: &Config) -> Pages {
    let mut out = Pages::default();
    (out.exercises, out.findings) = exercise::all(root, config);
    let summary = format!("{}/SUMMARY.md", config.src);
    let named = match std::fs::read_to_string(root.join(&summary)) {
        Ok(text) => summary_pages(&text, &config.src, &summary, root, &mut out.findings),
        Err(e) => {
            out.findings.push(Finding::new(
                &summary,
                1,
                format!("cannot be read: {e}"),
                "write a summary",
            ));
            Vec::new()
        }
    };
    for path in &named {
        match std::fs::read_to_string(root.join(path)) {
            Ok(text) => {
                let page = parse(root, config, path, text, &mut out.findings);
                out.pages.push(page);
            }
            Err(e) => out
                .findings
                .push(Finding::new(path, 1, format!("cannot be read: {e}"), "")),
        }
    }
    let set: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    for path in files_below(root, &config.src) {
        if path.ends_with(".md") && path != summary && !set.contains(path.as_str()) {
            out.findings.push(Finding::new(
                &path,
                1,
                "the summary does not name this page, so no reader finds it",
                format!("add it to {summary}, or delete it"),
            ));
        }
    }
    unshown_listings(root, config, &mut out);
    let unshown = exercise::unshown(&out);
    out.findings.extend(unshown);
    crate::steps::check(root, config, &mut out);
    out.findings.sort();
    out
}

/// The files below a folder that git does not ignore, relative to the root, sorted.
pub fn files_below(root: &Root, dir: &str) -> Vec<String> {
    let mut files: Vec<String> = ignore::WalkBuilder::new(root.join(dir))
        .hidden(false)
        .parents(true)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|t| t.is_file()))
        .filter_map(|entry| entry.path().strip_prefix(&root.path).ok().map(slashed))
        .collect();
    files.sort();
    files
}

fn slashed(path: &Path) -> String {
    path.components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

fn summary_pages(text: &str, src: &str, summary: &str, root: &Root, findings: &mut Vec<Finding>) -> Vec<String> {
    let mut pages = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else {
            continue;
        };
        if dest_url.is_empty() || !dest_url.ends_with(".md") {
            continue;
        }
        let path = format!("{src}/{}", dest_url.trim_start_matches("./"));
        let line = line_of(text, range.start);
        if !root.join(&path).is_file() {
            findings.push(Finding::new(
                summary,
                line,
                format!("names {path}, which does not exist"),
                "write the page",
            ));
        } else if pages.contains(&path) {
            findings.push(Finding::new(
                summary,
                line,
                format!("names {path} twice"),
                "name it once",
            ));
        } else {
            pages.push(path);
        }
    }
    pages
}

fn unshown_listings(root: &Root, config: &Config, out: &mut Pages) {
    let shown: BTreeSet<String> = out.shown().into_keys().map(str::to_owned).collect();
    let mut globs = ignore::overrides::OverrideBuilder::new(&root.path);
    for pattern in &config.unshown {
        if let Err(e) = globs.add(pattern) {
            out.findings.push(Finding::new(
                "book.toml",
                1,
                format!("`unshown`: {e}"),
                "correct the pattern",
            ));
        }
    }
    let Ok(globs) = globs.build() else { return };
    let facts: BTreeSet<String> = out
        .pages
        .iter()
        .flat_map(|p| p.facts.iter().map(|f| f.1.clone()))
        .collect();
    for dir in &config.listings {
        for path in files_below(root, dir) {
            if shown.contains(&path) || facts.contains(&path) || exercise::owns(config, &path) {
                continue;
            }
            if globs.matched(&path, false).is_whitelist() {
                continue;
            }
            let what = if is_captured(&path) {
                "no page shows this captured file"
            } else {
                "no page shows this listing"
            };
            out.findings.push(Finding::new(
                &path,
                1,
                what,
                "include it on a page (whole or by an anchor), or delete it",
            ));
        }
    }
}

fn is_captured(path: &str) -> bool {
    path.split('/').any(|part| part == CAPTURED)
}

/// The line of a byte offset, counted from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        + 1
}

/// The Markdown that mdBook reads.
pub fn markdown_options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
}

/// Cuts one page into its blocks.
pub fn parse(root: &Root, config: &Config, path: &str, text: String, findings: &mut Vec<Finding>) -> Page {
    let mut page = Page {
        path: path.to_owned(),
        text,
        blocks: Vec::new(),
        facts: Vec::new(),
        fences: Vec::new(),
    };
    let mut open: Option<(String, Range<usize>, String)> = None;
    let text = page.text.clone();
    for (event, range) in Parser::new_ext(&text, markdown_options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some((info.to_string(), range, String::new()));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => findings.push(Finding::new(
                path,
                line_of(&text, range.start),
                "an indented code block: nothing says what it is, so nothing can check it",
                "fence it with ``` and a language",
            )),
            Event::Text(part) => match &mut open {
                Some((_, _, body)) => body.push_str(&part),
                None => typed_numbers(path, &text, &part, range, findings),
            },
            Event::End(TagEnd::CodeBlock) => {
                if let Some((info, range, body)) = open.take() {
                    block(root, config, &mut page, &info, range, body, findings);
                }
            }
            _ => {}
        }
    }
    facts(root, config, &mut page, findings);
    findings.extend(widgets::together(root, &page));
    page
}

fn block(
    root: &Root,
    config: &Config,
    page: &mut Page,
    info: &str,
    range: Range<usize>,
    body: String,
    findings: &mut Vec<Finding>,
) {
    let line = line_of(&page.text, range.start);
    let end_line = line_of(&page.text, range.start + page.text[range.clone()].trim_end().len());
    page.fences.push((line, end_line));
    let path = page.path.clone();
    let mut find = |what: String, fix: &str| findings.push(Finding::new(&path, line, what, fix));
    let last = page.text.lines().nth(end_line - 1).unwrap_or_default();
    if end_line == line || !last.trim_start_matches([' ', '>']).starts_with(['`', '~']) {
        find("this fence is never closed".into(), "close it with ```");
    }
    let (lang, attrs) = match info_string(info) {
        Ok(parsed) => parsed,
        Err(what) => return find(what, "write ```LANGUAGE,attribute,attribute=\"value\""),
    };
    if lang.is_empty() {
        return find(
            "a bare fence: nothing says what it is, so nothing can check it".into(),
            "give it a language",
        );
    }
    let Some((_, own)) = LANGUAGES.iter().find(|(name, _)| *name == lang) else {
        let names: Vec<&str> = LANGUAGES.iter().map(|(name, _)| *name).collect();
        return find(
            format!("unknown language `{lang}`{}", did_you_mean(&lang, &names)),
            "use a known language tag",
        );
    };
    for name in attrs.keys() {
        let code = lang == "rust" && name.len() == 5 && name.starts_with('E') && name[1..].parse::<u16>().is_ok();
        if !code && !own.contains(&name.as_str()) && !COMMON.contains(&name.as_str()) {
            let names: Vec<&str> = own.iter().chain(COMMON).copied().collect();
            find(
                format!(
                    "unknown attribute `{name}` of a {lang} block{}",
                    did_you_mean(name, &names)
                ),
                &format!("use one of: {}", names.join(", ")),
            );
            return;
        }
    }
    let exempt = attrs.get("exempt").map(|reason| reason.trim().to_owned());
    if exempt.as_deref() == Some("") {
        return find(
            "an exemption without a reason".into(),
            "write exempt=\"why nothing can check this block\"",
        );
    }
    let origin = match origin(root, config, &page.path, &lang, &body) {
        Ok(origin) => origin,
        Err((what, fix)) => return find(what, &fix),
    };
    if let Some(file) = origin.file()
        && let Some((at, why)) = does_not_parse(root, &lang, &file.path)
    {
        return find(
            format!("{}:{at} is no {lang}: {why}", file.path),
            "correct the file, or the language of this block",
        );
    }
    let unchecked = origin == Origin::Inline && lang != "rust" && exempt.is_none();
    if unchecked {
        return find(
            format!("nothing checks `{lang}` that is written in a page"),
            "move it to a file that a test uses and include it; or, if it is output, let a test capture it",
        );
    }
    let format = match &origin {
        Origin::Listing(file) => std::fs::read_to_string(root.join(&file.path))
            .ok()
            .and_then(|text| Format::of(&lang, &text)),
        _ => None,
    };
    if attrs.contains_key("refused") && format != Some(Format::Manifest) {
        return find(
            "`refused` is for a manifest that the API must refuse, and this is none".into(),
            "take the word out, or include a file with `apiVersion` and `kind`",
        );
    }
    let block = Block {
        page: page.path.clone(),
        line,
        end_line,
        lang,
        attrs,
        text: body,
        origin,
        format,
    };
    if block.origin == Origin::Widget {
        let faults = widgets::faults(root, config, &block);
        findings.extend(
            faults
                .into_iter()
                .map(|fault| Finding::new(&path, line + fault.below, fault.what, fault.fix)),
        );
    }
    page.blocks.push(block);
}

/// Where a shown file is not what its block says, and why. The whole file counts, whatever part of it is shown.
fn does_not_parse(root: &Root, lang: &str, path: &str) -> Option<(usize, String)> {
    let text = std::fs::read_to_string(root.join(path)).ok()?;
    match lang {
        "dockerfile" => {
            let error = parse_dockerfile::parse(&text).err()?;
            Some((error.line(), error.to_string()))
        }
        "toml" => {
            let error = text.parse::<toml::Table>().err()?;
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            Some((line, error.message().to_owned()))
        }
        // One value, or one a line, as logs have it.
        "json" => {
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
            let error = values.find_map(Result::err)?;
            Some((error.line(), error.to_string()))
        }
        _ => None,
    }
}

pub(crate) fn did_you_mean(word: &str, names: &[&str]) -> String {
    let short = match word {
        "rs" => "rust",
        "bash" | "shell" | "sh-session" | "shell-session" => "console",
        "yml" => "yaml",
        "docker" => "dockerfile",
        _ => "",
    };
    names
        .iter()
        .find(|n| **n == short)
        .or_else(|| {
            names
                .iter()
                .filter(|n| distance(word, n) <= 2)
                .min_by_key(|n| distance(word, n))
        })
        .map(|n| format!(" (did you mean `{n}`?)"))
        .unwrap_or_default()
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `rust,compile_fail,E0382` or `console exit=1 title="run it"` → language and attributes.
pub fn info_string(info: &str) -> Result<(String, BTreeMap<String, String>), String> {
    let mut words: Vec<(String, Option<String>)> = Vec::new();
    let mut chars = info.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c == ',' || c.is_whitespace() {
            chars.next();
            continue;
        }
        let mut name = String::new();
        while let Some(&c) = chars.peek() {
            if c == ',' || c == '=' || c.is_whitespace() {
                break;
            }
            name.push(c);
            chars.next();
        }
        let mut value = None;
        if chars.peek() == Some(&'=') {
            chars.next();
            let mut text = String::new();
            if chars.peek() == Some(&'"') {
                chars.next();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some(c) => text.push(c),
                        None => return Err(format!("the value of `{name}` has no closing quote")),
                    }
                }
            } else {
                while let Some(&c) = chars.peek() {
                    if c == ',' || c.is_whitespace() {
                        break;
                    }
                    text.push(c);
                    chars.next();
                }
            }
            value = Some(text);
        }
        words.push((name, value));
    }
    let mut words = words.into_iter();
    let lang = match words.next() {
        Some((lang, None)) => lang,
        Some((name, Some(_))) => return Err(format!("the first word of a fence is its language, not `{name}=…`")),
        None => String::new(),
    };
    let mut attrs = BTreeMap::new();
    for (name, value) in words {
        if attrs.insert(name.clone(), value.unwrap_or_default()).is_some() {
            return Err(format!("the attribute `{name}` stands twice"));
        }
    }
    Ok((lang, attrs))
}

type Wrong = (String, String);

fn origin(root: &Root, config: &Config, page: &str, lang: &str, body: &str) -> Result<Origin, Wrong> {
    let directives: Vec<_> = directive().captures_iter(body).collect();
    if directives.is_empty() {
        return Ok(match lang {
            "console" => Origin::Console,
            "mermaid" => Origin::Diagram,
            word if widgets::LANGUAGES.contains(&word) => Origin::Widget,
            _ => Origin::Inline,
        });
    }
    if directives.len() > 1 || directives[0][0].trim() != body.trim() {
        return Err((
            "a block is either one include or text written in the page, not both".into(),
            "give each include a block of its own".into(),
        ));
    }
    let kind = &directives[0][1];
    if kind != "include" && kind != "rustdoc_include" {
        return Err((
            format!("`{{{{#{kind}}}}}` is not an include"),
            "use {{#include path:anchor}}".into(),
        ));
    }
    let file = include(root, config, page, directives[0][2].trim())?;
    Ok(if is_captured(&file.path) {
        Origin::Output(file)
    } else {
        Origin::Listing(file)
    })
}

fn directive() -> &'static Regex {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\{\{\s*#(\w+)\s+([^}]*)\}\}").expect("a constant pattern"));
    &PATTERN
}

/// Resolves `path`, `path:anchor`, `path:3`, `path:3:7` (either end may be empty), relative to the page's folder.
pub fn include(root: &Root, _config: &Config, page: &str, spec: &str) -> Result<Included, Wrong> {
    let mut parts = spec.splitn(2, ':');
    let file = parts.next().unwrap_or_default();
    let part = parts.next();
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let path = normal(&folder.join(file)).ok_or_else(|| {
        (
            format!("the include of `{file}` leads out of the book's folder"),
            "include a file of the book".to_owned(),
        )
    })?;
    let path = slashed(&path);
    let text = std::fs::read_to_string(root.join(&path)).map_err(|_| {
        if is_captured(&path) {
            (
                format!("the included file {path} does not exist: no check has captured it"),
                "cargo book test --bless, once a test captures it".to_owned(),
            )
        } else {
            (
                format!("the included file {path} does not exist"),
                "correct the path".to_owned(),
            )
        }
    })?;
    let lines: Vec<&str> = text.lines().collect();
    let numbers: Vec<usize> = match part {
        None => (1..=lines.len()).collect(),
        Some(range) if range.split(':').all(|n| n.is_empty() || n.parse::<usize>().is_ok()) => {
            let mut ends = range.split(':').map(|n| n.parse::<usize>().ok());
            let first = ends.next().flatten();
            let (from, to) = match ends.next() {
                None => (first, first),
                Some(last) => (first, last),
            };
            let (from, to) = (from.unwrap_or(1), to.unwrap_or(lines.len()));
            if from == 0 || to > lines.len() || from > to {
                return Err((
                    format!("{path} has {} lines, not the lines {range}", lines.len()),
                    "use an anchor: it moves with the code".into(),
                ));
            }
            (from..=to).collect()
        }
        Some(anchor) => anchored(&lines, anchor).ok_or_else(|| {
            let known = anchors(&lines);
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            (
                format!("{path} has no anchor `{anchor}`{}", did_you_mean(anchor, &names)),
                format!("put `ANCHOR: {anchor}` and `ANCHOR_END: {anchor}` around the lines"),
            )
        })?,
    };
    let numbers: Vec<usize> = numbers
        .into_iter()
        .filter(|n| anchor_mark(lines[n - 1]).is_none())
        .collect();
    if numbers.is_empty() {
        return Err((
            format!("the include of `{spec}` shows nothing"),
            "correct the anchor".into(),
        ));
    }
    let text = numbers.iter().map(|n| format!("{}\n", lines[n - 1])).collect();
    Ok(Included {
        path,
        lines: numbers,
        text,
    })
}

fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(out)
}

/// `(is_end, name)` of an anchor comment.
fn anchor_mark(line: &str) -> Option<(bool, &str)> {
    let (end, rest) = match line.split_once("ANCHOR_END:") {
        Some((_, rest)) => (true, rest),
        None => (false, line.split_once("ANCHOR:")?.1),
    };
    let name = rest.split_whitespace().next()?;
    name.chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        .then_some((end, name))
}

fn anchors(lines: &[&str]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|l| anchor_mark(l))
        .filter(|m| !m.0)
        .map(|m| m.1.to_owned())
        .collect()
}

/// The numbers of the lines between an anchor's two marks, counted from 1. `None` when a mark is missing.
pub fn anchor(text: &str, name: &str) -> Option<Vec<usize>> {
    anchored(&text.lines().collect::<Vec<_>>(), name)
}

fn anchored(lines: &[&str], name: &str) -> Option<Vec<usize>> {
    let mut inside = false;
    let mut closed = false;
    let mut numbers = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        match anchor_mark(line) {
            Some((false, n)) if n == name => inside = true,
            Some((true, n)) if n == name => {
                closed |= inside;
                inside = false;
            }
            _ if inside => numbers.push(i + 1),
            _ => {}
        }
    }
    (closed && !inside).then_some(numbers)
}

/// `{{fact NAME}}` in prose: the captured file that holds the number.
///
/// `21-containerization/images/first-size` is `captured/first-size.txt` below `21-containerization/images` of a
/// listings folder.
pub fn fact_file(root: &Root, config: &Config, name: &str) -> Option<String> {
    let (dir, stem) = name.rsplit_once('/')?;
    config
        .listings
        .iter()
        .map(|listings| format!("{listings}/{dir}/{CAPTURED}/{stem}.txt"))
        .find(|path| root.join(path).is_file())
}

/// The pattern of a fact in prose.
pub fn fact_pattern() -> &'static Regex {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\{\{\s*fact\s+([^}\s]+)\s*\}\}").expect("a constant pattern"));
    &PATTERN
}

fn facts(root: &Root, config: &Config, page: &mut Page, findings: &mut Vec<Finding>) {
    let in_block = |line: usize| page.fences.iter().any(|(from, to)| *from <= line && line <= *to);
    let mut facts = Vec::new();
    for (i, text) in page.text.lines().enumerate() {
        let line = i + 1;
        if in_block(line) {
            continue;
        }
        for found in fact_pattern().captures_iter(text) {
            match fact_file(root, config, &found[1]) {
                Some(path) => facts.push((line, path)),
                None => findings.push(Finding::new(
                    &page.path,
                    line,
                    format!("no check has measured the fact `{}`", &found[1]),
                    "let a test measure it, then: cargo book test --bless",
                )),
            }
        }
        for found in directive().captures_iter(text) {
            if found[1].contains("include") && !text.contains("`{{") && !text.contains("\\{{") {
                findings.push(Finding::new(
                    &page.path,
                    line,
                    "an include outside a fenced block",
                    "fence it, or show a measured number with {{fact NAME}}",
                ));
            }
        }
    }
    page.facts = facts;
}

/// A number with a unit of size or time that stands in prose was typed by somebody and is measured by nothing.
fn typed_numbers(path: &str, text: &str, part: &str, range: Range<usize>, findings: &mut Vec<Finding>) {
    for found in typed_pattern().find_iter(part) {
        findings.push(Finding::new(
            path,
            line_of(text, range.start + found.start()),
            format!(
                "`{}` was typed by hand: no check would notice when it stops being true",
                found.as_str()
            ),
            "let a test write it with `fact(…)` and show it as {{fact NAME}}; or say it without a number",
        ));
    }
}

/// The first such number of a text.
pub(crate) fn typed_number(text: &str) -> Option<&str> {
    typed_pattern().find(text).map(|found| found.as_str())
}

fn typed_pattern() -> &'static Regex {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"\b\d[\d.,]*\s?(?:%|(?:ns|µs|us|ms|s|sec|seconds?|min|minutes?|hours?|bytes?|kB|KB|MB|GB|KiB|MiB|GiB)\b)",
        )
        .expect("a constant pattern")
    });
    &PATTERN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(files: &[(&str, &str)]) -> (tempfile::TempDir, Root, Config) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().to_path_buf(),
        };
        std::fs::write(
            root.join("book.toml"),
            "[preprocessor.book]\nlistings = [\"listings\"]\n",
        )
        .unwrap();
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let config = Config::load(&root).unwrap();
        (dir, root, config)
    }

    fn said(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|f| format!("{}:{} {}", f.page, f.line, f.what))
            .collect()
    }

    #[test]
    fn an_anchor_shows_its_lines_without_the_comments() {
        let (_dir, root, config) = book(&[
            ("src/SUMMARY.md", "- [A](a/b.md)\n"),
            (
                "src/a/b.md",
                "# A\n\n```rust,title=\"x, y\"\n{{#include ../../listings/l.rs:two}}\n```\n",
            ),
            (
                "listings/l.rs",
                "one\n// ANCHOR: two\n2\n// ANCHOR: in\n3\n// ANCHOR_END: in\n// ANCHOR_END: two\n4\n",
            ),
        ]);
        let pages = load(&root, &config);
        assert_eq!(pages.findings, []);
        let block = &pages.pages[0].blocks[0];
        assert_eq!((block.line, block.end_line, block.attr("title")), (3, 5, Some("x, y")));
        let file = block.origin.file().unwrap();
        assert_eq!(
            (file.path.as_str(), file.lines.as_slice(), file.text.as_str()),
            ("listings/l.rs", &[3, 5][..], "2\n3\n")
        );
    }

    #[test]
    fn what_text_alone_shows_to_be_wrong_is_found_at_its_line() {
        let (_dir, root, config) = book(&[
            ("src/SUMMARY.md", "- [A](a.md)\n- [B](b.md)\n"),
            (
                "src/a.md",
                "```\nx\n```\n\n```rs\nx\n```\n\n```rust,compile-fail\nx\n```\n\n```rust\n{{#include ../listings/no.rs}}\n```\n\n\
                 ```rust\n{{#include ../listings/l.rs:nope}}\n```\n\nIt takes 3 ms.\n\n```text,exempt\nx\n```\n\n\
                 ```yaml\na: 1\n```\n\n{{fact a/b}}\n\n    indented\n\n```rust\nopen\n",
            ),
            ("src/lost.md", "# Lost\n"),
            ("listings/l.rs", "1\n"),
        ]);
        let pages = load(&root, &config);
        let said = said(&pages.findings);
        for (at, words) in [
            ("listings/l.rs:1", "no page shows this listing"),
            ("src/SUMMARY.md:2", "src/b.md, which does not exist"),
            ("src/a.md:1", "a bare fence"),
            ("src/a.md:5", "unknown language `rs` (did you mean `rust`?)"),
            (
                "src/a.md:9",
                "unknown attribute `compile-fail` of a rust block (did you mean `compile_fail`?)",
            ),
            ("src/a.md:13", "listings/no.rs does not exist"),
            ("src/a.md:17", "has no anchor `nope`"),
            ("src/a.md:21", "`3 ms` was typed by hand"),
            ("src/a.md:23", "an exemption without a reason"),
            ("src/a.md:27", "nothing checks `yaml`"),
            ("src/a.md:31", "no check has measured the fact `a/b`"),
            ("src/a.md:33", "indented"),
            ("src/a.md:35", "never closed"),
            ("src/lost.md:1", "the summary does not name"),
        ] {
            assert!(
                said.iter()
                    .any(|s| s.starts_with(&format!("{at} ")) && s.contains(words)),
                "{at} {words}\n{said:#?}"
            );
        }
        assert_eq!(said.len(), 14, "{said:#?}");
    }

    #[test]
    fn an_include_may_not_leave_the_book() {
        let (_dir, root, config) = book(&[("src/SUMMARY.md", "")]);
        assert!(
            include(&root, &config, "src/a.md", "../../etc/passwd")
                .unwrap_err()
                .0
                .contains("leads out")
        );
    }
}
