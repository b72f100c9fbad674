//! Raw HTML in pages is balanced, by the rules of mdBook's own renderer.
//!
//! mdBook builds a tree from Markdown and HTML together: an HTML tag that opens inside a Markdown element has to close
//! inside it. Where that does not hold, mdBook warns without a line and goes on; here it is a problem at its line.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag as HtmlTag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::page::{line_of, markdown_options};

/// What is wrong with a page's HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The page's line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Looks at the text of one page.
pub fn check(text: &str) -> Vec<Problem> {
    let mut state = State {
        stack: Vec::new(),
        problems: Vec::new(),
    };
    let mut events = Parser::new_ext(text, markdown_options()).into_offset_iter();
    while let Some((event, range)) = events.next() {
        let line = line_of(text, range.start);
        match event {
            Event::Start(Tag::HtmlBlock) => {
                let mut html = String::new();
                // Each line of the block is an event of its own, what a quotation or a list puts before it taken off.
                for (event, _) in events.by_ref() {
                    match event {
                        Event::Html(part) | Event::Text(part) => html.push_str(&part),
                        _ => break,
                    }
                }
                state.html(&html, line);
            }
            // An image's text goes to its `alt`, where tags are text.
            Event::Start(Tag::Image { .. }) => {
                for (event, _) in events.by_ref() {
                    if matches!(event, Event::End(TagEnd::Image)) {
                        break;
                    }
                }
            }
            Event::Start(_) => state.stack.push(Open::Markdown),
            Event::End(_) => state.end(),
            Event::InlineHtml(html) => state.html(&html, line),
            _ => {}
        }
    }
    while let Some(open) = state.stack.pop() {
        state.unclosed(open);
    }
    state.problems.sort_by_key(|problem| problem.line);
    state.problems
}

/// What is open at some place of a page.
enum Open {
    /// A paragraph, a list item, an emphasis …
    Markdown,
    /// A tag and its line.
    Html(String, usize),
}

struct State {
    stack: Vec<Open>,
    problems: Vec<Problem>,
}

impl State {
    /// A Markdown element ends: HTML that opened in it should have closed.
    fn end(&mut self) {
        while let Some(open) = self.stack.pop() {
            if matches!(open, Open::Markdown) {
                return;
            }
            self.unclosed(open);
        }
    }

    fn unclosed(&mut self, open: Open) {
        if let Open::Html(name, line) = open {
            let what = format!("`<{name}>` is not closed inside the paragraph, list item or page that it opens in");
            self.problems.push(Problem { line, what });
        }
    }

    fn html(&mut self, html: &str, first_line: usize) {
        for (token, line) in tokens(html) {
            match token {
                Token::TagToken(tag) => self.tag(&tag, first_line + start_of(html, &tag, line) - 1),
                Token::ParseError(error) => {
                    let what = format!("HTML that no browser reads as written: {error}");
                    self.problems.push(Problem {
                        line: first_line + line - 1,
                        what,
                    });
                }
                _ => {}
            }
        }
    }

    fn tag(&mut self, tag: &HtmlTag, line: usize) {
        let name = tag.name.to_string();
        let mut problem = |what: String| self.problems.push(Problem { line, what });
        match tag.kind {
            TagKind::StartTag if is_void(&name) => {}
            TagKind::StartTag if tag.self_closing => {
                // In SVG and MathML `<path/>` is whole; in HTML a browser ignores the slash.
                let foreign = self
                    .stack
                    .iter()
                    .any(|o| matches!(o, Open::Html(n, _) if n == "svg" || n == "math"));
                if !foreign && name != "svg" && name != "math" {
                    problem(format!("`<{name}/>` stays open in browsers: write `<{name}></{name}>`"));
                }
            }
            TagKind::StartTag => self.stack.push(Open::Html(name, line)),
            TagKind::EndTag => match self.stack.last() {
                Some(Open::Html(open, _)) if *open == name => {
                    self.stack.pop();
                }
                Some(Open::Html(open, at)) => {
                    problem(format!("`</{name}>` where `<{open}>` of line {at} is open"));
                }
                _ => problem(format!(
                    "`</{name}>` closes nothing that opened in the same paragraph, list item or page"
                )),
            },
        }
    }
}

/// The tokens of some HTML, each with the line on which it ends, counted from 1.
pub(super) fn tokens(html: &str) -> Vec<(Token, usize)> {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Collector::default(), Default::default());
    while !matches!(tokenizer.feed(&queue), TokenizerResult::Done) {}
    tokenizer.end();
    tokenizer.sink.tokens.take()
}

#[derive(Default)]
struct Collector {
    tokens: RefCell<Vec<(Token, usize)>>,
}

impl TokenSink for Collector {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let raw = match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => match &*tag.name {
                "script" => Some(RawKind::ScriptData),
                "style" => Some(RawKind::Rawtext),
                _ => None,
            },
            _ => None,
        };
        self.tokens.borrow_mut().push((token, line as usize));
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }
}

/// The line on which a tag begins; the tokenizer knows the one on which it ends.
fn start_of(html: &str, tag: &HtmlTag, end: usize) -> usize {
    let slash = if tag.kind == TagKind::EndTag { "/" } else { "" };
    let begin = format!("<{slash}{}", tag.name);
    let lines: Vec<&str> = html.lines().take(end).collect();
    lines
        .iter()
        .rposition(|line| line.to_ascii_lowercase().contains(&begin))
        .map_or(end, |i| i + 1)
}

/// Elements without an end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(usize, String)> {
        check(text).into_iter().map(|p| (p.line, p.what)).collect()
    }

    #[test]
    fn balanced_pages_have_no_problem() {
        for text in [
            "# A\n\n<div class=\"x\">\n\n**b**\n\n</div>\n",
            "Press <kbd>x</kbd>, then<br>go <img src=\"a.png\" alt=\"a\"> on <b>*and*</b>.\n",
            "<!-- <div> -->\n\nA `<div>` in code.\n\n```html\n<div>\n```\n",
            "- a <b>b</b>\n\n  <details><summary>s</summary>\n\n  text\n\n  </details>\n- c\n",
            "> <figure>\n>\n> text\n>\n> </figure>\n",
            "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg>\n",
            "<script>\nif (1 < 2) { document.write('<div>'); }\n</script>\n",
            "<style>\na > b { c: d }\n</style>\n",
            "![<b> not a tag](x.png)\n",
            "a < b and `c` > d\n",
        ] {
            assert_eq!(said(text), [], "{text}");
        }
    }

    #[test]
    fn each_imbalance_is_found_at_its_line() {
        for (text, line, word) in [
            ("# A\n\n<div>\n\nOpen.\n", 3, "`<div>`"),
            ("# A\n\ntext\n\n</div>\n", 5, "`</div>`"),
            ("one\ntwo <b>bold\n\nthree</b>\n", 2, "`<b>`"),
            ("- item <i>x\n- item\n", 1, "`<i>`"),
            ("<div>\n<span>\n</div>\n", 3, "`<span>` of line 2"),
            ("<div\n  class=\"x\">\n\ntext\n", 1, "`<div>`"),
            ("a\n\n<div/>\n", 3, "`<div/>`"),
            ("> a\n>\n> <p>\n>\n> b\n\nc\n", 3, "`<p>`"),
            ("| a |\n|---|\n| <b>x |\n", 3, "`<b>`"),
        ] {
            let found = said(text);
            assert!(
                found.iter().any(|(l, w)| *l == line && w.contains(word)),
                "{text}: {found:?}"
            );
        }
    }

    /// What mdBook warns of must be found here: its warning has no line.
    #[test]
    fn an_unclosed_tag_before_a_fence_is_found() {
        assert_eq!(said("<figure>\n\n```rust\nfn a() {}\n```\n").len(), 1);
    }
}
