//! What mdBook's pages lack when they are built: a policy of what they may load, words for search engines and previews,
//! the address that they are published under, a way out of the 404 page.
//!
//! The files are changed where they lie, after mdBook and before the site is put in its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use base64::Engine;
use html5ever::tokenizer::{Tag, TagKind, Token};
use regex::Regex;
use sha2::{Digest, Sha256};

use super::{build, encode, escape, html, links, mermaid};

/// What the site is built for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The address that readers will find it under, with `/` at its end. `None`: nobody knows yet, and no page says one.
    pub url: Option<String>,
    /// It is served while somebody writes: nothing of it may be kept by a browser.
    pub live: bool,
}

/// What `book.toml` says of the book, as far as pages repeat it.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The book's title.
    pub title: String,
    /// One sentence about it.
    pub description: String,
    /// The picture that a link to the book is shown with (1200 × 630), relative to the book's root.
    pub card: Option<String>,
    /// The script that keeps the book for readers without a network, relative to the book's root.
    pub offline: Option<String>,
}

/// Says whether an address can be a site's.
///
/// # Errors
///
/// When it is not `http(s)://host/…/`, with what would be.
pub fn site_url(url: &str) -> Result<String> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^https?://[A-Za-z0-9.\-]+(:[0-9]+)?(/[A-Za-z0-9._~%\-]+)*/?$").expect("a pattern")
    });
    if !FORM.is_match(url) {
        bail!(
            "{url} is no address of a site\n  fix: write it whole, as in --url https://example.org/cloud-native-rust/"
        );
    }
    Ok(format!("{}/", url.trim_end_matches('/')))
}

/// The part of an address below its host: `/cloud-native-rust/`.
pub(super) fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.find('/').map_or("/", |at| &after[at..])
}

/// What a page says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its `<title>`.
    pub title: String,
    /// Its description, empty when the page begins with no sentence.
    pub description: String,
}

/// Changes all pages of a built site.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn finish(site: &Path, root: &Path, about: &About, options: &Options) -> Result<()> {
    let card = match (&about.card, &options.url) {
        (Some(card), Some(_)) => Some(place_card(site, root, card)?),
        _ => None,
    };
    let first = first_page(site)?;
    let mut addresses = Vec::new();
    for path in build::pages_below(site)? {
        let name = links::relative(site, &path);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let page = Page {
            name: &name,
            about,
            options,
            card: card.as_deref(),
            // mdBook's home page is a copy of the first page; one address is enough for one text.
            address: if Some(&name) == first.as_ref() || name == "index.html" {
                String::new()
            } else {
                address(&name)
            },
        };
        if page.is_read() && !addresses.contains(&page.address) {
            addresses.push(page.address.clone());
        }
        std::fs::write(&path, page.finished(&text))?;
    }
    if let Some(url) = &options.url {
        addresses.sort();
        std::fs::write(site.join("sitemap.xml"), sitemap(url, &addresses))?;
        std::fs::write(
            site.join("robots.txt"),
            format!("User-agent: *\nAllow: /\nSitemap: {url}sitemap.xml\n"),
        )?;
    }
    Ok(())
}

fn sitemap(url: &str, addresses: &[String]) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for address in addresses {
        out.push_str(&format!(
            "  <url><loc>{}</loc></url>\n",
            escape(&format!("{url}{address}"))
        ));
    }
    out.push_str("</urlset>\n");
    out
}

/// A folder's page is found under the folder.
fn address(name: &str) -> String {
    encode(match name.strip_suffix("index.html") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => folder,
        _ => name,
    })
}

/// The page of which `index.html` is a copy.
fn first_page(site: &Path) -> Result<Option<String>> {
    let home = std::fs::read_to_string(site.join("index.html")).unwrap_or_default();
    let main = main_of(&home);
    for path in build::pages_below(site)? {
        let name = links::relative(site, &path);
        if name != "index.html"
            && !name.contains('/')
            && main.is_some()
            && main_of(&std::fs::read_to_string(&path)?) == main
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn main_of(page: &str) -> Option<&str> {
    let start = page.find("<main>")?;
    page[start..].find("</main>").map(|end| &page[start..start + end])
}

fn place_card(site: &Path, root: &Path, card: &str) -> Result<String> {
    let bytes = std::fs::read(root.join(card))
        .with_context(|| format!("book.toml names the card {card}, and it cannot be read\n  fix: correct the name"))?;
    let hash: String = Sha256::digest(&bytes)[..4].iter().map(|b| format!("{b:02x}")).collect();
    let suffix = Path::new(card).extension().unwrap_or_default().to_string_lossy();
    let name = format!("card-{hash}.{suffix}");
    std::fs::write(site.join(&name), bytes)?;
    Ok(name)
}

struct Page<'a> {
    /// Below the site's root.
    name: &'a str,
    address: String,
    about: &'a About,
    options: &'a Options,
    card: Option<&'a str>,
}

impl Page<'_> {
    /// A page of the book, not the frame of contents, the 404 page or the copy of a file.
    fn is_read(&self) -> bool {
        !self.is_copy() && !matches!(self.name, "404.html" | "toc.html" | "print.html")
    }

    fn is_copy(&self) -> bool {
        self.name.starts_with("listings/")
    }

    fn finished(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.name == "404.html" {
            text = with_way_out(&text);
        }
        if self.is_copy() {
            let path = self.name.trim_start_matches("listings/").trim_end_matches(".html");
            let title = format!("{path} - {}", self.about.title);
            text = replace_first(&text, &TITLE, &format!("<title>{}</title>", escape(&title)));
        }
        let mut head = String::new();
        if self.is_read() {
            let mut said = said(&text);
            if self.address.is_empty() {
                // Under the book's own address stands the book's own description.
                if !self.about.description.is_empty() {
                    said.description.clone_from(&self.about.description);
                }
                said.title.clone_from(&self.about.title);
                text = replace_first(&text, &TITLE, &format!("<title>{}</title>", escape(&said.title)));
            }
            text = replace_first(
                &text,
                &DESCRIPTION,
                &format!("<meta name=\"description\" content=\"{}\">", escape(&said.description)),
            );
            head.push_str(&self.previews(&said));
        }
        if !self.options.live && self.about.offline.is_some() && !matches!(self.name, "toc.html") && !self.is_copy() {
            head.push_str("<meta name=\"book-offline\" content=\"sw.js\">\n");
        }
        // The policy comes first: it holds for what stands below it.
        let policy = format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n",
            policy(&text)
        );
        match CHARSET.find(&text).or_else(|| HEAD.find(&text)) {
            Some(found) => {
                let (before, after) = text.split_at(found.end());
                format!("{before}\n{policy}{head}{}", after.trim_start_matches('\n'))
            }
            None => text,
        }
    }

    /// What a link to the page is shown with elsewhere.
    fn previews(&self, said: &Said) -> String {
        let mut out = String::new();
        let mut property = |name: &str, value: &str| {
            out.push_str(&format!("<meta property=\"{name}\" content=\"{}\">\n", escape(value)));
        };
        property("og:type", if self.address.is_empty() { "website" } else { "article" });
        property("og:site_name", &self.about.title);
        property("og:title", &said.title);
        property("og:description", &said.description);
        let Some(url) = &self.options.url else { return out };
        let address = format!("{url}{}", self.address);
        property("og:url", &address);
        if let Some(card) = self.card {
            property("og:image", &format!("{url}{card}"));
            property("og:image:width", "1200");
            property("og:image:height", "630");
            property(
                "og:image:alt",
                &format!("{}: {}", self.about.title, self.about.description),
            );
            out.push_str("<meta name=\"twitter:card\" content=\"summary_large_image\">\n");
        }
        out.push_str(&format!("<link rel=\"canonical\" href=\"{}\">\n", escape(&address)));
        out
    }
}

static TITLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)<title>.*?</title>").expect("a pattern"));
static DESCRIPTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<meta name="description" content="[^"]*">"#).expect("a pattern"));
static CHARSET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?i)<meta charset="utf-8">"#).expect("a pattern"));
static HEAD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)<head>").expect("a pattern"));

fn replace_first(text: &str, pattern: &Regex, with: &str) -> String {
    pattern.replace(text, regex::NoExpand(with)).into_owned()
}

/// mdBook's words for a page that is not there name no way out of it.
fn with_way_out(text: &str) -> String {
    let Some(start) = text.find("<main>") else {
        return text.to_owned();
    };
    let Some(end) = text[start..].find("</main>") else {
        return text.to_owned();
    };
    format!(
        "{}<main>\n<h1>There is no such page</h1>\n<p>The address may be mistyped, or the page has moved.</p>\n<ul>\n\
         <li>Go to <a href=\"index.html\">the book's first page</a>.</li>\n\
         <li>Search the book: press <kbd>S</kbd>, and type a command or an error message.</li>\n</ul>\n{}",
        &text[..start],
        &text[start + end..]
    )
}

/// What the page may load and run. Its own inline scripts are named by their hashes.
pub fn policy(page: &str) -> String {
    let mut scripts = vec!["'self'".to_owned()];
    let (mut frames, mut labs, mut styles) = (false, false, page.contains(mermaid::MARK));
    for_each_tag(page, |tag| match &*tag.name {
        "iframe" => frames = true,
        "book-lab" => labs = true,
        "style" => styles = true,
        _ => {}
    });
    if labs {
        scripts.push("'wasm-unsafe-eval'".into());
    }
    scripts.extend(inline_scripts(page).iter().map(|script| source(script)));
    scripts.dedup();
    // The diagram library writes style sheets into the page. mdBook itself needs only `style=`.
    let styles = if styles {
        "style-src 'self' 'unsafe-inline'"
    } else {
        "style-src 'self'; style-src-attr 'unsafe-inline'"
    };
    // The contents for readers without script are a frame.
    let frames = if frames { "; frame-src 'self'" } else { "" };
    format!(
        "default-src 'none'; script-src {}; {styles}; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         worker-src 'self'{frames}; base-uri 'self'; form-action 'none'",
        scripts.join(" ")
    )
}

/// A script by its hash, as a policy names it.
pub(super) fn source(script: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script.as_bytes()));
    format!("'sha256-{digest}'")
}

fn for_each_tag(page: &str, mut each: impl FnMut(&Tag)) {
    for (token, _) in html::tokens(page) {
        if let Token::TagToken(tag) = token
            && tag.kind == TagKind::StartTag
        {
            each(&tag);
        }
    }
}

pub(super) fn attribute(tag: &Tag, name: &str) -> Option<String> {
    tag.attrs
        .iter()
        .find(|a| &*a.name.local == name)
        .map(|a| a.value.to_string())
}

/// The text of each script that stands in the page itself.
pub fn inline_scripts(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for (token, _) in html::tokens(page) {
        match token {
            Token::TagToken(tag) if &*tag.name == "script" => {
                if tag.kind == TagKind::StartTag {
                    open = attribute(&tag, "src").is_none().then(String::new);
                } else if let Some(text) = open.take() {
                    found.push(text);
                }
            }
            Token::CharacterTokens(part) => {
                if let Some(text) = &mut open {
                    text.push_str(&part);
                }
            }
            _ => {}
        }
    }
    found
}

/// The longest description that search engines show whole.
const LONGEST: usize = 160;

/// A page's title, and the first sentence of its first paragraph.
pub fn said(page: &str) -> Said {
    let mut said = Said {
        title: String::new(),
        description: String::new(),
    };
    let (mut in_title, mut in_main, mut paragraph) = (false, false, None::<String>);
    // Inside a quotation, a figure or a list stands what is said beside.
    let mut aside = 0usize;
    for (token, _) in html::tokens(page) {
        match token {
            Token::TagToken(tag) => {
                let start = tag.kind == TagKind::StartTag;
                match &*tag.name {
                    "title" => in_title = start && said.title.is_empty(),
                    "main" => in_main = start,
                    // What follows is of a section, and not of the page.
                    "h2" if in_main => return said,
                    "blockquote" | "figure" | "ul" | "ol" | "table" | "details" | "nav" | "aside" => {
                        aside = if start { aside + 1 } else { aside.saturating_sub(1) };
                    }
                    // What stands above the title says where the page is.
                    "p" if in_main && aside == 0 && start && !is_above(&tag) => paragraph = Some(String::new()),
                    "p" if !start => {
                        if let Some(text) = paragraph.take() {
                            said.description = sentence(&text);
                            if !said.description.is_empty() {
                                return said;
                            }
                        }
                    }
                    _ => {}
                }
            }
            Token::CharacterTokens(part) if in_title => said.title.push_str(&part),
            Token::CharacterTokens(part) => {
                if let Some(text) = &mut paragraph {
                    text.push_str(&part);
                }
            }
            _ => {}
        }
    }
    said
}

/// The line above a page's title, which names the module that it belongs to.
pub(super) fn is_above(tag: &Tag) -> bool {
    attribute(tag, "class").is_some_and(|class| class.split_whitespace().any(|c| c == "above"))
}

/// The first sentence of a text, cut at a word when it is longer than a description may be.
fn sentence(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = String::new();
    for word in words {
        if out.chars().count() + 1 + word.chars().count() > LONGEST - 1 {
            return format!("{}…", out.trim_end_matches([',', ';', ':']));
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        let ends = word.trim_end_matches(['"', '”', ')', '\'']);
        if ends.ends_with(['.', '?', '!']) && !matches!(ends, "e.g." | "i.e." | "vs.") {
            break;
        }
    }
    out.trim_end_matches(':').to_owned()
}

/// What is wrong with a built page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTML file, relative to the site, with `/`.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Pages that cannot be told apart, that say nothing of what is in them, or whose policy stops their own scripts.
///
/// # Errors
///
/// When a page cannot be read.
pub fn check(site: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    let mut sentences: BTreeMap<String, String> = BTreeMap::new();
    let first = first_page(site)?;
    for path in build::pages_below(site)? {
        let name = links::relative(site, &path);
        let text = std::fs::read_to_string(&path)?;
        for script in inline_scripts(&text) {
            if !text.contains(&source(&script)) {
                problems.push(Problem {
                    file: name.clone(),
                    what: "the page's policy does not allow a script that stands in it".into(),
                    fix: "put the script into a file that additional-js of book.toml names".into(),
                });
            }
        }
        if name == "index.html" || !is_page(&name) {
            continue;
        }
        let said = said(&text);
        if let Some(other) = sentences.insert(said.description.clone(), name.clone())
            && !said.description.is_empty()
        {
            problems.push(Problem {
                file: name.clone(),
                what: format!("{other} begins with the same sentence: {}", said.description),
                fix: "say what this page alone is for".into(),
            });
        }
        if said.description.is_empty() {
            problems.push(Problem {
                file: name.clone(),
                what: "the page has no first sentence: search engines have nothing to show of it".into(),
                fix: "begin with a sentence that says what the reader will be able to do".into(),
            });
        }
        // The home page's title is the book's; its copy is this page.
        if Some(&name) != first.as_ref()
            && let Some(other) = titles.insert(said.title.clone(), name.clone())
        {
            problems.push(Problem {
                file: name,
                what: format!("{other} has the same title: {}", said.title),
                fix: "give one of them another name in the summary".into(),
            });
        }
    }
    Ok(problems)
}

fn is_page(name: &str) -> bool {
    !name.starts_with("listings/") && !matches!(name, "404.html" | "toc.html" | "print.html")
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
