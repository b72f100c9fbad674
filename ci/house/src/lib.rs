//! What this repository promises outside its pages. The promises are the tests; this reads Markdown for them.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag};

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
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
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
}
