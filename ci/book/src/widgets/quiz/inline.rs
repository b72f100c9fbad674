//! The little Markdown that a question, an option and a reason may hold: words, `code`, emphasis and links.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::page::markdown_options;
use crate::site::escape;

/// As HTML that stands within a line.
///
/// # Errors
///
/// What it holds besides: a list, a heading, raw HTML.
pub fn html(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut paragraphs = 0;
    for event in Parser::new_ext(text, markdown_options()) {
        match event {
            Event::Start(Tag::Paragraph) => {
                paragraphs += 1;
                if paragraphs > 1 {
                    out.push_str("<br>");
                }
            }
            Event::Start(Tag::Emphasis) => out.push_str("<em>"),
            Event::End(TagEnd::Emphasis) => out.push_str("</em>"),
            Event::Start(Tag::Strong) => out.push_str("<strong>"),
            Event::End(TagEnd::Strong) => out.push_str("</strong>"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                out.push_str(&format!("<a href=\"{}\">", escape(&address(&dest_url))));
            }
            Event::End(TagEnd::Link) => out.push_str("</a>"),
            Event::End(TagEnd::Paragraph) => {}
            Event::Text(words) => out.push_str(&escape(&words)),
            Event::Code(words) => out.push_str(&format!("<code>{}</code>", escape(&words))),
            Event::SoftBreak => out.push(' '),
            Event::HardBreak => out.push_str("<br>"),
            other => return Err(format!("{other:?}").chars().take(60).collect()),
        }
    }
    Ok(out)
}

/// As HTML, of a text that was read before.
pub fn shown(text: &str) -> String {
    html(text).unwrap_or_else(|_| escape(text))
}

/// The words alone, code left out: what the rules for prose are asked about.
pub fn prose(text: &str) -> String {
    Parser::new_ext(text, markdown_options())
        .filter_map(|event| match event {
            Event::Text(words) => Some(words.into_string()),
            Event::Code(_) | Event::SoftBreak | Event::HardBreak => Some(" ".into()),
            _ => None,
        })
        .collect()
}

/// What stands between backticks.
pub fn code(text: &str) -> Vec<String> {
    Parser::new_ext(text, markdown_options())
        .filter_map(|event| match event {
            Event::Code(words) => Some(words.into_string()),
            _ => None,
        })
        .collect()
}

/// A page's address in the site, from how pages name each other: `README.md` becomes `index.html`.
pub fn address(link: &str) -> String {
    let (path, rest) = link.split_at(link.find('#').unwrap_or(link.len()));
    let Some(stem) = path.strip_suffix(".md").filter(|_| !path.contains("://")) else {
        return link.to_owned();
    };
    match stem.strip_suffix("README") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}index.html{rest}"),
        _ => format!("{stem}.html{rest}"),
    }
}

/// The ids that mdBook gives a page's headings.
pub fn heading_ids(markdown: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut open: Option<(Option<String>, String)> = None;
    for event in Parser::new_ext(markdown, markdown_options()) {
        match event {
            Event::Start(Tag::Heading { id, .. }) => open = Some((id.map(|id| id.to_string()), String::new())),
            Event::Text(words) | Event::Code(words) => {
                if let Some((_, text)) = &mut open {
                    text.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((id, text)) = open.take() else { continue };
                let id = id.unwrap_or_else(|| {
                    let words = text.trim().to_lowercase();
                    let kept = |c: char| match c {
                        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
                        c if c.is_whitespace() => Some('-'),
                        _ => None,
                    };
                    words.chars().filter_map(kept).collect()
                });
                let n = seen.entry(id.clone()).or_default();
                ids.push(if *n == 0 { id } else { format!("{id}-{n}") });
                *n += 1;
            }
            _ => {}
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_markdown_becomes_a_line_of_html() {
        assert_eq!(
            html("Who owns `a<b>` in *this* [one](../a/README.md#x)?").unwrap(),
            "Who owns <code>a&lt;b&gt;</code> in <em>this</em> <a href=\"../a/index.html#x\">one</a>?"
        );
        assert!(html("- a\n- b").is_err());
        assert!(html("a <b>c</b>").is_err());
        assert_eq!(address("https://a.example/b.md"), "https://a.example/b.md");
        assert_eq!(address("b.md"), "b.html");
        assert_eq!(address("#b"), "#b");
    }

    #[test]
    fn headings_have_the_ids_of_the_site() {
        let ids = heading_ids("# `main` puts it together\n\n## Break it\n\n## Break it\n\n## Who, me? {#who}\n");
        assert_eq!(ids, ["main-puts-it-together", "break-it", "break-it-1", "who"]);
    }
}
