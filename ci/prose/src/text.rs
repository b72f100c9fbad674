//! From Markdown to sentences, each with the line on which it begins.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A paragraph or a list item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph {
    /// Its sentences.
    pub sentences: Vec<Sentence>,
    /// Its code spans, with their lines.
    pub code: Vec<(usize, String)>,
    /// Its words as readers see them, code left out: line, text, and whether a link to the glossary holds them.
    pub plain: Vec<(usize, String, bool)>,
}

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// How many words it has; a code span counts as the words in it.
    pub words: usize,
    /// The sentence itself.
    pub text: String,
}

/// The paragraphs of a page.
pub fn read(markdown: &str) -> Vec<Paragraph> {
    let mut out = Vec::new();
    let mut open: Option<Draft> = None;
    // Headings, tables, fences and raw HTML: what stands in them is no sentence.
    let mut outside = 0_usize;
    let mut glossary = false;
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_GFM;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        let line = markdown[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::Heading { .. } | Tag::Table(_) | Tag::CodeBlock(_) | Tag::HtmlBlock) => outside += 1,
            Event::End(TagEnd::Heading(_) | TagEnd::Table | TagEnd::CodeBlock | TagEnd::HtmlBlock) => {
                outside = outside.saturating_sub(1);
            }
            Event::Start(Tag::Paragraph | Tag::Item) | Event::End(TagEnd::Paragraph | TagEnd::Item) => {
                out.extend(open.take().and_then(Draft::finish));
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                glossary = dest_url.contains("glossary.md") || dest_url.starts_with('#')
            }
            Event::End(TagEnd::Link) => glossary = false,
            _ if outside > 0 => {}
            Event::Text(text) => open.get_or_insert_default().text(line, &text, glossary),
            Event::Code(code) => open.get_or_insert_default().code(line, &code),
            Event::SoftBreak | Event::HardBreak => open.get_or_insert_default().text(line, " ", glossary),
            _ => {}
        }
    }
    out.extend(open.and_then(Draft::finish));
    out
}

/// A paragraph that is still being read.
#[derive(Default)]
struct Draft {
    text: String,
    /// Where in `text` each piece begins, and its line.
    lines: Vec<(usize, usize)>,
    paragraph: Paragraph,
}

/// Stands for a dot inside of code, which ends no sentence.
const DOT: char = '\u{2024}';

impl Draft {
    fn text(&mut self, line: usize, text: &str, glossary: bool) {
        self.lines.push((self.text.len(), line));
        self.text.push_str(text);
        self.paragraph.plain.push((line, text.to_owned(), glossary));
    }

    fn code(&mut self, line: usize, code: &str) {
        self.lines.push((self.text.len(), line));
        self.text
            .extend(code.chars().map(|c| if matches!(c, '.' | '!' | '?') { DOT } else { c }));
        self.paragraph.code.push((line, code.to_owned()));
    }

    fn line_at(&self, at: usize) -> usize {
        let before = self.lines.iter().take_while(|(start, _)| *start <= at);
        before.last().map_or(1, |(_, line)| *line)
    }

    fn finish(mut self) -> Option<Paragraph> {
        let mut start = 0;
        let ends: Vec<usize> = ends_of_sentences(&self.text);
        for end in ends {
            let text = self.text[start..end].trim().replace(DOT, ".");
            let words = text
                .split_whitespace()
                .filter(|w| w.contains(char::is_alphanumeric))
                .count();
            let lead = self.text[start..end].len() - self.text[start..end].trim_start().len();
            if words > 0 {
                let line = self.line_at(start + lead);
                self.paragraph.sentences.push(Sentence { line, words, text });
            }
            start = end;
        }
        (!self.paragraph.sentences.is_empty()).then_some(self.paragraph)
    }
}

/// Where sentences end: behind `.`, `!` or `?` and what closes after it, before a blank. The text's end is one.
fn ends_of_sentences(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut closing = false;
    while let Some((at, c)) = chars.next() {
        closing = match c {
            '.' | '!' | '?' => !matches!(text[..at].rsplit(' ').next(), Some("e.g" | "i.e" | "etc" | "vs")),
            ')' | '"' | '”' | '’' => closing,
            _ => false,
        };
        if closing && chars.peek().is_some_and(|(_, next)| next.is_whitespace()) {
            ends.push(at + c.len_utf8());
        }
    }
    ends.push(text.len());
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(markdown: &str) -> Vec<(usize, usize, String)> {
        let paragraphs = read(markdown);
        let all = paragraphs.into_iter().flat_map(|p| p.sentences);
        all.map(|s| (s.line, s.words, s.text)).collect()
    }

    #[test]
    fn a_sentence_has_its_line_and_its_words() {
        let found =
            sentences("# Not this. One\n\nOne two. Three\nfour `a. b.c`, five! (Six.)\n\n- seven\n- eight. Nine\n");
        let expected = [
            (3, 2, "One two."),
            (3, 5, "Three four `a. b.c`, five!"),
            (4, 1, "(Six.)"),
            (6, 1, "seven"),
            (7, 1, "eight."),
            (7, 1, "Nine"),
        ];
        let plain = expected.map(|(line, words, text)| (line, words, text.replace('`', "")));
        assert_eq!(found, plain);
    }

    #[test]
    fn code_tables_and_headings_are_no_prose() {
        assert_eq!(
            sentences("```rust\nlet a = 1. b;\n```\n\n| a. b | c |\n|---|---|\n| d. | e |\n\n## f. g\n"),
            []
        );
    }

    #[test]
    fn an_abbreviation_ends_nothing() {
        assert_eq!(sentences("Say e.g. this.").len(), 1);
    }
}
