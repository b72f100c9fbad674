//! What this repository promises outside its pages. The promises are the tests; this reads Markdown for them.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Something that stands in a text, with its line, from 1.
pub type At = (usize, String);

/// Each command line that begins with `program`: in code blocks, also behind `$ `, and in code within a sentence. A
/// command ends where a shell would take it as ended.
pub fn commands(markdown: &str, program: &str) -> Vec<At> {
    let mut found = Vec::new();
    let mut take = |line: usize, text: &str| {
        let text = text.trim().trim_start_matches("$ ");
        let command = text
            .split(['|', '&', ';', '<', '>', '#'])
            .next()
            .unwrap_or_default()
            .trim();
        if command
            .split_whitespace()
            .zip(program.split_whitespace())
            .all(|(a, b)| a == b)
            && command.len() >= program.len()
        {
            found.push((line, command.to_owned()));
        }
    };
    let mut in_block = false;
    for (event, range) in events(markdown) {
        let line = line(markdown, range);
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Text(text) if in_block => text.lines().enumerate().for_each(|(n, text)| take(line + n, text)),
            Event::Code(text) => take(line, &text),
            _ => {}
        }
    }
    found
}

/// Each link and picture that leads into this repository, without its `#fragment`.
pub fn links(markdown: &str) -> Vec<At> {
    let mut found = Vec::new();
    for (event, range) in events(markdown) {
        if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
            let path = dest_url.split('#').next().unwrap_or_default();
            // Another place has a scheme, as in `https:` and `mailto:`.
            if !path.is_empty() && !path.contains(':') {
                found.push((line(markdown, range), path.to_owned()));
            }
        }
    }
    found
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// The words of its first cell.
    pub text: String,
    /// Where the links of its cells lead, as written.
    pub links: Vec<String>,
}

/// The rows of all tables, without their heads.
pub fn rows(markdown: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Which cell of the last row an event belongs to; `None` outside of rows, as in a head.
    let mut cell = None;
    for (event, range) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::TableRow) => {
                cell = Some(0_usize);
                rows.push(Row {
                    line: line(markdown, range),
                    text: String::new(),
                    links: Vec::new(),
                });
            }
            Event::End(TagEnd::TableRow) => cell = None,
            Event::Start(Tag::TableCell) => cell = cell.map(|n| n + 1),
            _ => {}
        }
        let (Some(row), Some(cell)) = (rows.last_mut(), cell) else {
            continue;
        };
        match event {
            Event::Text(text) | Event::Code(text) if cell == 1 => row.text.push_str(&text),
            Event::Start(Tag::Link { dest_url, .. }) => row.links.push(dest_url.to_string()),
            _ => {}
        }
    }
    rows
}

/// The fragment of each heading, as mdBook makes it: its words in small letters, joined by `-`.
pub fn headings(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for (event, _) in events(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => open = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(words) = &mut open {
                    words.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => found.extend(open.take().map(|words| slug(&words))),
            _ => {}
        }
    }
    found
}

fn slug(words: &str) -> String {
    words
        .chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// The language of each fenced block.
pub fn fences(markdown: &str) -> Vec<String> {
    let fenced = events(markdown).filter_map(|(event, _)| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            Some(info.split([',', ' ']).next().unwrap_or_default().to_owned())
        }
        _ => None,
    });
    fenced.collect()
}

fn events(markdown: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    Parser::new(markdown).into_offset_iter()
}

fn line(text: &str, range: Range<usize>) -> usize {
    text[..range.start].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_wherever_a_reader_would_take_them_from() {
        let text = "Say `tool run` or\n`tools run`.\n\n1. Then:\n\n   ```console\n   $ tool run \"a b\" | head\n   other\n   tool\n   ```\n";
        let found = commands(text, "tool");
        let expected = [(1, "tool run"), (7, "tool run \"a b\""), (9, "tool")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn links_into_the_repository_are_told_from_others() {
        let text = "[a](docs/a.md#b) <https://x.example>\n[b](#b) ![c](c.png) [d](https://x.example)\n";
        assert_eq!(links(text), [(1, "docs/a.md".to_owned()), (2, "c.png".to_owned())]);
    }

    #[test]
    fn a_row_is_its_first_cell_and_its_links() {
        let text = "a\n\n| what | where |\n|---|---|\n| A `b` (<10MB) | [c](c.md), [d](d.md#e) |\n| f | - |\n\n[g](g.md)\n\n| h | i |\n|---|---|\n";
        let row = |line, text: &str, links: &[&str]| Row {
            line,
            text: text.to_owned(),
            links: links.iter().map(|l| (*l).to_owned()).collect(),
        };
        let expected = [row(5, "A b (<10MB)", &["c.md", "d.md#e"]), row(6, "f", &[])];
        assert_eq!(rows(text), expected);
    }

    #[test]
    fn headings_and_fences_are_named_as_mdbook_does() {
        let text = "# A page\n\n## Break `it`, now!\n\n```rust,title=\"a\"\nb\n```\n";
        assert_eq!(headings(text), ["a-page", "break-it-now"]);
        assert_eq!(fences(text), ["rust"]);
    }
}
