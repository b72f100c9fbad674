//! The search index: mdBook's own, with words that readers paste from a terminal.
//!
//! mdBook splits text at blanks and hyphens alone, so that `error[E0382]:` is one word and nobody finds `E0382`; and it
//! indexes what badges say. Here the same sections get their text without the badges, and each word with punctuation in
//! it is indexed whole and in its parts. The page's script asks as before.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use elasticlunr::IndexBuilder;
use html5ever::tokenizer::{TagKind, Token};
use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Function, Runtime, Value};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::finish::attribute;
use super::{build, html, links};

const BEFORE: &str = "window.search = Object.assign(window.search, JSON.parse('";
const AFTER: &str = "'));";

const RANK: &str = include_str!("search.js");

/// Longer than any word that a page prints; a hash in full has 71 characters.
const LONGEST: usize = 120;

#[derive(Deserialize)]
struct Found {
    results_options: serde_json::Value,
    search_options: serde_json::Value,
    doc_urls: Vec<String>,
    index: FoundIndex,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundIndex {
    document_store: Store,
}

#[derive(Deserialize)]
struct Store {
    docs: HashMap<String, Section>,
}

#[derive(Deserialize)]
struct Section {
    title: String,
    breadcrumbs: String,
}

/// Makes the index anew and puts it in the place of mdBook's. A site without search stays as it is.
///
/// # Errors
///
/// When a file cannot be read or written, or mdBook's index is not what it was.
pub fn improve(site: &Path) -> Result<()> {
    let Some(old) = index_file(site)? else { return Ok(()) };
    let found: Found = serde_json::from_str(&json_of(&old)?).context("mdBook's search index has another form")?;
    let mut texts: HashMap<String, BTreeMap<String, String>> = HashMap::new();
    let mut index = IndexBuilder::new()
        .add_field_with_tokenizer("title", Box::new(words))
        .add_field_with_tokenizer("body", Box::new(words))
        .add_field_with_tokenizer("breadcrumbs", Box::new(words))
        .build();
    for (i, url) in found.doc_urls.iter().enumerate() {
        let (page, id) = url.split_once('#').unwrap_or((url, ""));
        if !texts.contains_key(page) {
            let name = super::decode(page).unwrap_or_else(|| page.to_owned());
            let text = std::fs::read_to_string(site.join(&name)).with_context(|| format!("{name} cannot be read"))?;
            texts.insert(page.to_owned(), sections(&text));
        }
        let section = &found.index.document_store.docs.get(&i.to_string());
        let section = section.ok_or_else(|| anyhow!("mdBook's search index has no section {i}, {url}"))?;
        let body = texts[page].get(id).map(String::as_str).unwrap_or_default();
        index.add_doc(&i.to_string(), [section.title.as_str(), body, &section.breadcrumbs]);
    }
    let json = serde_json::to_string(&serde_json::json!({
        "results_options": found.results_options,
        "search_options": found.search_options,
        "doc_urls": found.doc_urls,
        "index": serde_json::to_value(&index)?,
    }))?;
    // The page loads the index with the first search, and nothing before; what searches it better can wait as long.
    let text = format!(
        "{BEFORE}{}{AFTER}\n{RANK}",
        json.replace('\\', "\\\\").replace('\'', "\\'")
    );
    let hash: String = Sha256::digest(&text)[..4].iter().map(|b| format!("{b:02x}")).collect();
    let old_name = links::relative(site, &old);
    let new_name = format!("searchindex-{hash}.js");
    std::fs::remove_file(&old)?;
    std::fs::write(site.join(&new_name), text)?;
    rename_in_files(site, &old_name, &new_name)
}

fn rename_in_files(site: &Path, old: &str, new: &str) -> Result<()> {
    let scripts = std::fs::read_dir(site)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| links::relative(site, path).starts_with("searcher"));
    for path in build::pages_below(site)?.into_iter().chain(scripts.collect::<Vec<_>>()) {
        let text = std::fs::read_to_string(&path)?;
        if text.contains(old) {
            std::fs::write(&path, text.replace(old, new))?;
        }
    }
    Ok(())
}

fn index_file(site: &Path) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(site)? {
        let path = entry?.path();
        let name = links::relative(site, &path);
        if name.starts_with("searchindex") && name.ends_with(".js") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn json_of(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)?;
    let quoted = text
        .trim_end()
        .strip_prefix(BEFORE)
        .and_then(|rest| rest.strip_suffix(AFTER))
        .ok_or_else(|| anyhow!("mdBook's search index begins or ends otherwise than it did"))?;
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    Ok(out)
}

/// The words of a text: split as the page's script splits what a reader types, and the parts of each.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == '-') {
        let word = word.to_lowercase();
        let whole = word.trim_matches(|c: char| !is_of_word(c));
        if whole.is_empty() || whole.len() > LONGEST {
            continue;
        }
        out.push(whole.to_owned());
        let parts: Vec<&str> = whole
            .split(|c: char| !is_of_word(c))
            .filter(|part| part.len() > 1)
            .collect();
        if parts.len() > 1 || parts.first().is_some_and(|part| *part != whole) {
            out.extend(parts.into_iter().map(str::to_owned));
        }
    }
    out
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text of a page's sections by the heading's id; what stands before the first heading has the empty id.
fn sections(page: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut id = String::new();
    let (mut in_main, mut in_heading) = (false, false);
    // The element that is left out, and how many of its name are open in it.
    let mut out: Option<(String, usize)> = None;
    for (token, _) in html::tokens(page) {
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                let start = tag.kind == TagKind::StartTag;
                if let Some((left_out, depth)) = &mut out {
                    if name == *left_out {
                        *depth = if start { *depth + 1 } else { *depth - 1 };
                        if *depth == 0 {
                            out = None;
                        }
                    }
                    continue;
                }
                let class = attribute(&tag, "class").unwrap_or_default();
                let badge = class.split_whitespace().any(|c| c == "evidence" || c == "above");
                if start
                    && !html::is_void(&name)
                    && (badge || matches!(&*name, "script" | "style" | "button" | "template" | "svg"))
                {
                    out = Some((name, 1));
                    continue;
                }
                match &*name {
                    "main" => in_main = start,
                    "h1" | "h2" | "h3" => {
                        in_heading = start;
                        if start && let Some(heading) = attribute(&tag, "id") {
                            id = heading;
                        }
                    }
                    _ => {}
                }
                if in_main && !matches!(&*name, "span" | "b" | "i" | "em" | "strong" | "code") {
                    push_blank(sections.entry(id.clone()).or_default());
                }
            }
            Token::CharacterTokens(text) if in_main && !in_heading && out.is_none() => {
                let section = sections.entry(id.clone()).or_default();
                for word in text.split_inclusive(char::is_whitespace) {
                    if word.trim().is_empty() {
                        push_blank(section);
                    } else {
                        section.push_str(word.trim_end());
                        if word.ends_with(char::is_whitespace) {
                            section.push(' ');
                        }
                    }
                }
            }
            _ => {}
        }
    }
    sections
}

fn push_blank(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

/// What a reader would search for.
pub struct Query {
    /// A command or an error message, as pages print it.
    pub words: String,
    /// The pages that print it: `21-containerization/first-image.html`.
    pub pages: Vec<String>,
}

/// Among so many pages that a search finds must be one that prints the words.
pub const FIRST: usize = 3;

/// Asks the site's own search script. The queries of which no page is among the first [`FIRST`] pages found.
///
/// # Errors
///
/// When the script or the index does not load.
pub fn missed(site: &Path, queries: &[Query]) -> Result<Vec<usize>> {
    let Some(index) = index_file(site)? else {
        return Ok(Vec::new());
    };
    let library = std::fs::read_dir(site)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| links::relative(site, path).starts_with("elasticlunr"));
    let Some(library) = library else {
        bail!("the site has an index and no script that searches it");
    };
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        let run = |text: &str| {
            // As a page runs a script: the library sets variables that it never declares.
            let mut options = EvalOptions::default();
            options.strict = false;
            ctx.eval_with_options::<Value<'_>, _>(text, options)
                .catch(&ctx)
                .map(|_| ())
                .map_err(|error| anyhow!("the search of the site does not load: {error}"))
        };
        run("var window = globalThis; window.search = {};")?;
        run(&std::fs::read_to_string(&library)?)?;
        run(&std::fs::read_to_string(&index)?)?;
        run(ASK)?;
        let ask: Function<'_> = ctx.globals().get("ask")?;
        let mut missed = Vec::new();
        for (i, query) in queries.iter().enumerate() {
            let found: Vec<String> = ask
                .call((query.words.as_str(), FIRST))
                .catch(&ctx)
                .map_err(|error| anyhow!("{}: {error}", query.words))?;
            if !found.iter().any(|page| query.pages.contains(page)) {
                missed.push(i);
            }
        }
        Ok(missed)
    })
}

/// As mdBook's `searcher.js` asks: the pages of the first results.
const ASK: &str = "
var index = elasticlunr.Index.load(search.index);
function ask(words, first) {
  var pages = [];
  var results = index.search(words.trim(), search.search_options).slice(0, search.results_options.limit_results);
  for (var i = 0; i < results.length && pages.length < first; i++) {
    var found = search.doc_urls[results[i].ref].split('#')[0];
    if (pages.indexOf(found) < 0) pages.push(found);
  }
  return pages;
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_whole_and_by_its_parts() {
        assert_eq!(words("error[E0382]: use"), ["error[e0382", "error", "e0382", "use"]);
        assert_eq!(words("`GLIBC_2.34' not"), ["glibc_2.34", "glibc_2", "34", "not"]);
        assert_eq!(words("--server-side x"), ["server", "side", "x"]);
        assert_eq!(words("CrashLoopBackOff"), ["crashloopbackoff"]);
        assert_eq!(words("— …"), Vec::<String>::new());
    }

    #[test]
    fn a_section_is_its_text_without_badges_and_buttons() {
        let page = "<title>x</title><main>before<h1 id=\"a\">A</h1><p>one <b>t</b>wo</p>\n\n<pre>$ ls\nx</pre>\
                    <details class=\"evidence verified\"><details></details>sha256</details><p>three</p>\
                    <button>Copy</button><h4 id=\"c\">C</h4><h2 id=\"b\">B</h2>four</main>five";
        let found = sections(page);
        let at = |id: &str| found[id].trim().to_owned();
        assert_eq!(
            (at(""), at("a"), at("b")),
            ("before".into(), "one two $ ls x three C".into(), "four".into())
        );
    }
}
