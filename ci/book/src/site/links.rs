//! Every link of the built site leads somewhere, and no page asks a third party for anything.
//!
//! The HTML that readers get is read, not the Markdown: what mdBook, the theme and the badges add is checked too.
//! Links to other sites are looked at for their form alone; nothing is requested here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use html5ever::tokenizer::{Tag, TagKind, Token};
use regex::Regex;

use super::{build, decode, html};

/// A link that does not hold what it promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTML file, relative to the site, with `/`.
    pub file: String,
    /// The link's target as the HTML has it.
    pub target: String,
    /// How many links to the same target stand before it in the page's own text.
    pub nth: usize,
    /// What is wrong, with the target in it.
    pub what: String,
}

/// How a page uses an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A reader may follow it.
    Link,
    /// The browser loads it with the page.
    Resource,
}

struct Reference {
    target: String,
    used: Use,
    /// `<script src>`.
    place: String,
    /// In the page's own text, not in what the theme puts around it.
    own: bool,
    nth: usize,
}

#[derive(Default)]
struct Page {
    ids: HashSet<String>,
    base: Option<String>,
    references: Vec<Reference>,
    /// What the markup shows to be wrong by itself: target and words.
    wrong: Vec<(String, String, bool)>,
}

/// Checks a site.
///
/// # Errors
///
/// When a file of the site cannot be read.
pub fn check(site: &Path) -> Result<Vec<Problem>> {
    let mut pages = BTreeMap::new();
    for path in build::pages_below(site)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        pages.insert(relative(site, &path), read_page(&text));
    }
    // mdBook's 404 page names the address that the site is published under.
    let prefix = pages
        .get("404.html")
        .and_then(|page| page.base.clone())
        .unwrap_or_else(|| "/".into());
    let checker = Checker {
        site,
        pages: &pages,
        prefix: &prefix,
    };
    let mut problems = checker.stylesheets()?;
    let mut around: BTreeSet<String> = BTreeSet::new();
    for (file, page) in &pages {
        // The print page repeats all pages, `index.html` the first one.
        if file == "print.html" || (file == "index.html" && is_copy(&pages, page)) {
            continue;
        }
        for (target, what, own) in &page.wrong {
            if *own || around.insert(what.clone()) {
                problems.push(Problem {
                    file: file.clone(),
                    target: target.clone(),
                    nth: 0,
                    what: what.clone(),
                });
            }
        }
        for reference in &page.references {
            let Some(what) = checker.wrong(file, page, reference) else {
                continue;
            };
            // What the theme puts around every page is wrong once.
            if reference.own
                || around.insert(format!(
                    "{} {}",
                    reference.place,
                    reference.target.trim_start_matches("../")
                ))
            {
                problems.push(Problem {
                    file: file.clone(),
                    target: reference.target.clone(),
                    nth: reference.nth,
                    what,
                });
            }
        }
    }
    Ok(problems)
}

/// The page and line that a reader of the source finds a problem at: where the target stands in the Markdown.
///
/// `None` when no page of `src` became the HTML file. A target that the page does not hold was added by the theme or
/// by mdBook; it is shown at the page's first line.
pub fn locate(root: &Path, src: &str, problem: &Problem) -> Option<(String, usize)> {
    let page = source_of(root, src, &problem.file)?;
    let text = std::fs::read_to_string(root.join(&page)).ok()?;
    let line = spellings(&problem.target).iter().find_map(|spelling| {
        // The last resort for a fragment that the source writes otherwise.
        let loose = problem.target.contains('#') && !spelling.contains('#');
        let lines = lines_with(&text, spelling, loose);
        lines.get(problem.nth).or(lines.last()).copied()
    });
    Some((page, line.unwrap_or(1)))
}

/// The page of `src` that became an HTML file.
pub fn source_of(root: &Path, src: &str, file: &str) -> Option<String> {
    let stem = file.strip_suffix(".html")?;
    let mut names = vec![format!("{src}/{stem}.md")];
    if let Some(folder) = stem.strip_suffix("index") {
        names.push(format!("{src}/{folder}README.md"));
    }
    names.into_iter().find(|name| root.join(name).is_file())
}

/// The HTML file that a page of `src` becomes.
pub fn address_of(src: &str, page: &str) -> String {
    let inside = page.strip_prefix(src).unwrap_or(page).trim_start_matches('/');
    let stem = inside.strip_suffix(".md").unwrap_or(inside);
    match stem.strip_suffix("README") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}index.html"),
        _ => format!("{stem}.html"),
    }
}

/// How the Markdown may write a target that HTML has, most exact first.
fn spellings(target: &str) -> Vec<String> {
    let (path, fragment) = match target.split_once('#') {
        Some((path, fragment)) => (path, format!("#{fragment}")),
        None => (target, String::new()),
    };
    let mut paths = vec![path.to_owned()];
    if let Some(stem) = path.strip_suffix(".html") {
        paths.push(format!("{stem}.md"));
        if let Some(folder) = stem.strip_suffix("index") {
            paths.push(format!("{folder}README.md"));
        }
    }
    let mut all: Vec<String> = paths.iter().map(|path| format!("{path}{fragment}")).collect();
    all.extend(paths.iter().filter(|path| !path.is_empty()).cloned());
    for spelling in all.clone() {
        all.push(spelling.replace('&', "&amp;"));
        all.extend(decode(&spelling));
    }
    all.retain(|spelling| !spelling.is_empty());
    all
}

/// The lines that hold a target as a whole word, once for each time; `loose` lets any fragment follow.
fn lines_with(text: &str, target: &str, loose: bool) -> Vec<usize> {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "()<>\"'[]=".contains(c));
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices(target) {
            let before = line[..at].chars().next_back();
            let after = line[at + target.len()..].chars().next();
            if (ends(before) || before == Some(':')) && (ends(after) || loose && after == Some('#')) {
                lines.push(i + 1);
            }
        }
    }
    lines
}

fn is_copy(pages: &BTreeMap<String, Page>, index: &Page) -> bool {
    let targets = |page: &Page| -> Vec<String> {
        page.references
            .iter()
            .filter(|r| r.own)
            .map(|r| r.target.clone())
            .collect()
    };
    let own = targets(index);
    pages
        .iter()
        .any(|(file, page)| file != "index.html" && targets(page) == own)
}

pub(super) fn relative(site: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(site).unwrap_or(path);
    inside
        .components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

struct Checker<'a> {
    site: &'a Path,
    pages: &'a BTreeMap<String, Page>,
    prefix: &'a str,
}

impl Checker<'_> {
    fn wrong(&self, file: &str, page: &Page, reference: &Reference) -> Option<String> {
        let target = reference.target.trim();
        let place = &reference.place;
        if target.is_empty() {
            return Some(format!("{place} is empty: it leads nowhere"));
        }
        if let Some(scheme) = scheme(target) {
            return match (scheme.as_str(), reference.used) {
                ("http" | "https", Use::Resource) => Some(third_party(target, place)),
                ("http" | "https", Use::Link) => bad_form(target),
                ("data", Use::Resource) => None,
                ("javascript" | "file" | "data", _) => Some(format!("{place} has the scheme `{scheme}`: {target}")),
                ("mailto", _) => (!target.contains('@')).then(|| format!("{target} is no mail address")),
                _ => None,
            };
        }
        if target.starts_with("//") {
            return Some(match reference.used {
                Use::Resource => third_party(target, place),
                Use::Link => format!("{target} takes its scheme from the page: write https:"),
            });
        }
        if target.contains([' ', '\t', '\n']) {
            return Some(format!("{target} holds a blank: write %20"));
        }
        self.inside(file, page, reference.used, target)
    }

    /// A link to the site itself.
    fn inside(&self, file: &str, page: &Page, used: Use, target: &str) -> Option<String> {
        let (address, fragment) = match target.split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (target, None),
        };
        let address = address.split('?').next().unwrap_or_default();
        let Some(path) = decode(address) else {
            return Some(format!("{target} holds a `%` that two digits do not follow"));
        };
        // mdBook gives the headings of its 404 page links to themselves, which the page's base turns elsewhere. Nobody
        // is led astray: the heading stands where the reader already is.
        if page.base.is_some() && path.is_empty() && fragment.is_some_and(|f| page.ids.contains(f)) {
            return None;
        }
        let found = if path.is_empty() && page.base.is_none() {
            file.to_owned()
        } else {
            match self.resolve(file, page, &path) {
                Ok(found) => found,
                Err(why) => return Some(format!("{target} leads nowhere: {why}")),
            }
        };
        let fragment = fragment.filter(|f| !f.is_empty() && *f != "top" && !f.starts_with(":~:"))?;
        // A script may take a fragment of its own from an address, but not in a page that readers follow a link to.
        let there = self.pages.get(&found)?;
        let known = there.ids.contains(fragment) || decode(fragment).is_some_and(|f| there.ids.contains(&f));
        if known || used == Use::Resource {
            return None;
        }
        let near = nearest(fragment, &there.ids)
            .map(|id| format!(" (did you mean `#{id}`?)"))
            .unwrap_or_default();
        Some(format!("{target} leads nowhere: {found} has no `#{fragment}`{near}"))
    }

    /// The file that an address of this site names.
    fn resolve(&self, file: &str, page: &Page, path: &str) -> Result<String, String> {
        let mut at: Vec<String> = Vec::new();
        let inside = if let Some(base) = page.base.as_deref().filter(|_| !path.starts_with('/')) {
            if base != self.prefix {
                return Err(format!("the page's base is {base}, the site's is {}", self.prefix));
            }
            path
        } else if path.starts_with('/') && page.base.is_none() {
            return Err("an address that begins with `/` leaves a site that is published below a folder".into());
        } else if path.starts_with('/') {
            path.strip_prefix(self.prefix)
                .or_else(|| (path == self.prefix.trim_end_matches('/')).then_some(""))
                .ok_or_else(|| {
                    format!(
                        "it leaves {}, the address that the site is published under",
                        self.prefix
                    )
                })?
        } else {
            at.extend(file.split('/').map(str::to_owned));
            at.pop();
            path
        };
        for part in Path::new(inside).components() {
            match part {
                Component::Normal(name) => at.push(name.to_string_lossy().into_owned()),
                Component::ParentDir => {
                    at.pop().ok_or("it leads out of the site")?;
                }
                _ => {}
            }
        }
        let mut found = at.join("/");
        let place: PathBuf = self.site.join(&found);
        if place.is_dir() {
            found = if found.is_empty() {
                "index.html".into()
            } else {
                format!("{found}/index.html")
            };
        } else if inside.ends_with('/') {
            return Err(format!("the site has no folder {found}"));
        }
        if self.site.join(&found).is_file() {
            Ok(found)
        } else {
            Err(format!("the site has no {found}"))
        }
    }

    /// `url(…)` and `@import` in the site's style sheets.
    fn stylesheets(&self) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        let mut folders = vec![self.site.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "css") {
                    let file = relative(self.site, &path);
                    for target in css_targets(&std::fs::read_to_string(&path)?) {
                        let reference = resource(&target, "a style sheet's url()");
                        if let Some(what) = self.wrong(&file, &Page::default(), &reference) {
                            problems.push(Problem {
                                file: file.clone(),
                                target,
                                nth: 0,
                                what,
                            });
                        }
                    }
                }
            }
        }
        Ok(problems)
    }
}

fn resource(target: &str, place: &str) -> Reference {
    Reference {
        target: target.to_owned(),
        used: Use::Resource,
        place: place.to_owned(),
        own: false,
        nth: 0,
    }
}

fn third_party(target: &str, place: &str) -> String {
    format!("{place} makes every reader's browser ask a third party: {target}")
}

fn scheme(target: &str) -> Option<String> {
    let (scheme, _) = target.split_once(':')?;
    let mut chars = scheme.chars();
    let named = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    named.then(|| scheme.to_ascii_lowercase())
}

/// Whether an address of another site could be one.
fn bad_form(target: &str) -> Option<String> {
    let rest = target.split_once("//").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let named = host.starts_with('[')
        || host.split(':').next().is_some_and(|h| {
            !h.is_empty()
                && h.split('.').all(|label| {
                    !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                })
        });
    if !named {
        return Some(format!("{target} names no host"));
    }
    if target.contains(char::is_whitespace) {
        return Some(format!("{target} holds a blank: write %20"));
    }
    None
}

/// The id that differs least, if one is near.
fn nearest<'a>(fragment: &str, ids: &'a HashSet<String>) -> Option<&'a String> {
    let mut near: Vec<&String> = ids
        .iter()
        .filter(|id| id.len() > 2 && (id.starts_with(fragment) || fragment.starts_with(id.as_str())))
        .collect();
    near.sort_by_key(|id| (id.len().abs_diff(fragment.len()), id.as_str()));
    near.first().copied()
}

fn css_targets(text: &str) -> Vec<String> {
    static URL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?s)/\*.*?\*/|url\(\s*(?:"([^"]*)"|'([^']*)'|([^)'"\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')"#,
        )
        .expect("a constant pattern")
    });
    URL.captures_iter(text)
        .filter_map(|found| (1..=5).find_map(|i| found.get(i)))
        .map(|found| found.as_str().to_owned())
        .filter(|target| !target.starts_with('#'))
        .collect()
}

fn read_page(text: &str) -> Page {
    let mut page = Page::default();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut depth_of_main = 0usize;
    let mut raw: Option<(String, String)> = None;
    for (token, _) in html::tokens(text) {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                if &*tag.name == "main" {
                    depth_of_main += 1;
                }
                if matches!(&*tag.name, "script" | "style") {
                    raw = Some((tag.name.to_string(), String::new()));
                }
                read_tag(&mut page, &tag, depth_of_main > 0, &mut counts);
            }
            Token::TagToken(tag) => {
                if &*tag.name == "main" {
                    depth_of_main = depth_of_main.saturating_sub(1);
                }
                if let Some((name, text)) = raw.take() {
                    read_raw(&mut page, &name, &text, depth_of_main > 0);
                }
            }
            Token::CharacterTokens(part) => {
                if let Some((_, text)) = &mut raw {
                    text.push_str(&part);
                }
            }
            _ => {}
        }
    }
    page
}

fn read_tag(page: &mut Page, tag: &Tag, own: bool, counts: &mut HashMap<String, usize>) {
    let name = &*tag.name;
    let attr = |wanted: &str| {
        tag.attrs
            .iter()
            .find(|a| &*a.name.local == wanted)
            .map(|a| a.value.to_string())
    };
    for id in ["id", "name"] {
        if (id == "id" || name == "a")
            && let Some(value) = attr(id)
        {
            page.ids.insert(value);
        }
    }
    if name == "base" {
        page.base = attr("href");
        return;
    }
    if name == "pre" && attr("class").is_some_and(|c| c.split_whitespace().any(|c| c == "playground")) {
        let what = "a Rust block makes the page ask play.rust-lang.org: set `runnable = false` in \
                    [output.html.playground] of book.toml";
        page.wrong.push((String::new(), what.into(), false));
    }
    let mut add = |attribute: &str, target: String, used: Use| {
        let count = counts.entry(target.clone()).or_default();
        let nth = if own { *count } else { 0 };
        *count += usize::from(own);
        page.references.push(Reference {
            target,
            used,
            place: format!("<{name} {attribute}>"),
            own,
            nth,
        });
    };
    for attribute in ["href", "src", "poster", "data", "action", "formaction", "cite"] {
        let Some(target) = attr(attribute) else { continue };
        let used = match (name, attribute) {
            ("a" | "area", "href") | (_, "cite") => Use::Link,
            ("link", "href") => {
                let rel = attr("rel").unwrap_or_default().to_ascii_lowercase();
                let loads = [
                    "stylesheet",
                    "icon",
                    "preload",
                    "modulepreload",
                    "prefetch",
                    "preconnect",
                    "dns-prefetch",
                    "manifest",
                ];
                if rel.split_whitespace().any(|r| loads.contains(&r)) {
                    Use::Resource
                } else {
                    Use::Link
                }
            }
            // Within SVG: `<use href="#x">`.
            (_, "href") if target.starts_with('#') => continue,
            ("object", "data") | (_, "href" | "src" | "poster") => Use::Resource,
            (_, "data") => continue,
            _ => Use::Resource,
        };
        add(attribute, target, used);
    }
    if let Some(set) = attr("srcset") {
        for part in set.split(',') {
            if let Some(target) = part.split_whitespace().next() {
                add("srcset", target.to_owned(), Use::Resource);
            }
        }
    }
    if let Some(style) = attr("style") {
        for target in css_targets(&style) {
            add("style", target, Use::Resource);
        }
    }
}

/// Scripts and styles that stand in the page.
fn read_raw(page: &mut Page, name: &str, text: &str, own: bool) {
    static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?:fetch|import|from|importScripts|sendBeacon|EventSource|WebSocket|Worker|open)\s*\(?\s*(?:['"]GET['"]\s*,\s*)?["'`]((?:https?:|wss?:)?//[^"'`]*)"#,
        )
        .expect("a constant pattern")
    });
    if name == "style" {
        for target in css_targets(text) {
            page.references.push(Reference {
                own,
                ..resource(&target, "<style>")
            });
        }
        return;
    }
    for found in REQUEST.captures_iter(text) {
        page.wrong
            .push((found[1].to_owned(), third_party(&found[1], "a script"), own));
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
