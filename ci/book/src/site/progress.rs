//! What `{{#progress}}` shows: every page with its quizzes and exercises, for the script that fills in what was done.
//!
//! The list is the book's own, so that no page is forgotten. Without a script it is a table of contents.

use super::{encode, escape};
use crate::exercise;
use crate::model::Block;
use crate::page::Page;
use crate::widgets::quiz::Quiz;

/// The word in a page's text.
pub const MARK: &str = "{{#progress}}";

/// The list. `named` gives a page its name and its address below the site's root; `None`: it is no chapter.
pub fn html(pages: &[Page], named: &dyn Fn(&Page) -> Option<(String, String)>, to_root: &str) -> String {
    let mut rows = String::new();
    for page in pages {
        let Some((name, address)) = named(page) else { continue };
        // Nobody has to read the list itself.
        if page.text.contains(MARK) {
            continue;
        }
        rows.push_str(&format!(
            "<li data-page=\"{}\"><a href=\"{to_root}{}\">{}</a>",
            escape(&address),
            encode(&address),
            escape(&name)
        ));
        for block in &page.blocks {
            rows.push_str(&part(&address, block));
        }
        rows.push_str("<button type=\"button\">Mark as read</button></li>\n");
    }
    format!(
        "<div id=\"progress\">\n<p class=\"progress-sum\"></p>\n<ul>\n{rows}</ul>\n\
         <p role=\"status\"></p>\n\
         <div class=\"progress-tools\"><button type=\"button\" class=\"progress-export\">Export as a file</button>\n\
         <label>Import a file <input type=\"file\" accept=\".json,application/json\"></label>\n\
         <button type=\"button\" class=\"progress-reset\">Forget all</button></div>\n\
         <noscript><p>Without JavaScript this page cannot see what you did. It lists what there is to do.</p></noscript>\n\
         </div>\n<script defer src=\"{to_root}progress-page.js\"></script>\n"
    )
}

/// What a block adds to its page's row.
fn part(address: &str, block: &Block) -> String {
    if let Some(quiz) = Quiz::of(block) {
        let of = quiz.questions.len();
        return format!(
            "<span data-quiz=\"{}#{}\" data-of=\"{of}\">{}</span>",
            escape(address),
            escape(&quiz.id),
            crate::run::plural(of, "question")
        );
    }
    if let Some(name) = exercise::of_block(block) {
        return format!("<span data-exercise=\"{0}\">exercise {0}</span>", escape(&name));
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    #[test]
    fn every_page_is_listed_with_what_there_is_to_do() {
        let quiz = Block {
            page: "src/a/b.md".into(),
            line: 3,
            end_line: 9,
            lang: "quiz".into(),
            attrs: std::collections::BTreeMap::new(),
            text: "id = \"c\"\n[[question]]\nask = \"Which?\"\nanswer = \"one\"\nwhy = \"x\"\nsource = \"#a\"\n".into(),
            origin: Origin::Widget,
            format: None,
        };
        let exercise = Block {
            lang: "exercise".into(),
            text: "name = \"minimal\"\n".into(),
            ..quiz.clone()
        };
        let mut list = Page::of_blocks("src/progress.md", Vec::new());
        list.text = format!("# Progress\n\n{MARK}\n");
        let pages = [
            Page::of_blocks("src/a/b.md", vec![quiz, exercise]),
            Page::of_blocks("src/lost.md", Vec::new()),
            list,
        ];
        let named = |page: &Page| (page.path != "src/lost.md").then(|| ("A & b".to_owned(), "a/b.html".to_owned()));
        let html = html(&pages, &named, "../");
        for words in [
            "<li data-page=\"a/b.html\"><a href=\"../a/b.html\">A &amp; b</a>",
            "<span data-quiz=\"a/b.html#c\" data-of=\"1\">1 question</span>",
            "<span data-exercise=\"minimal\">exercise minimal</span>",
        ] {
            assert!(html.contains(words), "{words}\n{html}");
        }
        assert_eq!(html.matches("<li").count(), 1, "{html}");
        assert!(html.lines().all(|line| !line.is_empty()), "{html}");
    }
}
