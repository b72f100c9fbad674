//! What `{{#progress}}` shows: every page with its quizzes and exercises, for the script that fills in what was done.
//!
//! The list is the book's own, so that no page is forgotten. Without a script it is a table of contents. What the script
//! says to a reader who has done nothing yet is in the page already: nothing moves when it runs.

use super::{encode, escape};
use crate::exercise;
use crate::page::Page;
use crate::widgets::quiz::Quiz;

/// The word in a page's text.
pub const MARK: &str = "{{#progress}}";

/// The list. `named` gives a page its name and its address below the site's root; `None`: it is no chapter.
pub fn html(pages: &[Page], named: &dyn Fn(&Page) -> Option<(String, String)>, to_root: &str) -> String {
    let mut rows = String::new();
    let (mut listed, mut questions, mut exercises) = (0, 0, 0);
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
        listed += 1;
        for block in &page.blocks {
            if let Some(quiz) = Quiz::of(block) {
                questions += quiz.questions.len();
                rows.push_str(&quiz_part(&address, &quiz));
            } else if let Some(name) = exercise::of_block(block) {
                exercises += 1;
                rows.push_str(&exercise_part(&name));
            }
        }
        rows.push_str("<button type=\"button\">Mark as read</button></li>\n");
    }
    format!(
        "<div id=\"progress\">\n<p class=\"progress-sum\">0 of {listed} pages read, 0 of {questions} questions right, 0 of {exercises} exercises passed.</p>\n<ul>\n{rows}</ul>\n\
         <p role=\"status\"></p>\n\
         <div class=\"progress-tools\"><button type=\"button\" class=\"progress-export\">Export as a file</button>\n\
         <label>Import a file <input type=\"file\" accept=\".json,application/json\"></label>\n\
         <button type=\"button\" class=\"progress-reset\">Forget all</button></div>\n\
         <noscript><p>Without JavaScript this page cannot see what you did. It lists what there is to do.</p></noscript>\n\
         </div>\n<script defer src=\"{to_root}progress-page.js\"></script>\n"
    )
}

/// A quiz of a page's row.
fn quiz_part(address: &str, quiz: &Quiz) -> String {
    let of = quiz.questions.len();
    format!(
        "<span data-quiz=\"{}#{}\" data-of=\"{of}\">0 of {of} right</span>",
        escape(address),
        escape(&quiz.id)
    )
}

/// An exercise of a page's row.
fn exercise_part(name: &str) -> String {
    format!("<span data-exercise=\"{0}\">{0}: not started</span>", escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Block, Origin};

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
            "<span data-quiz=\"a/b.html#c\" data-of=\"1\">0 of 1 right</span>",
            "<span data-exercise=\"minimal\">minimal: not started</span>",
            "<p class=\"progress-sum\">0 of 1 pages read, 0 of 1 questions right, 0 of 1 exercises passed.</p>",
        ] {
            assert!(html.contains(words), "{words}\n{html}");
        }
        assert_eq!(html.matches("<li").count(), 1, "{html}");
        assert!(html.lines().all(|line| !line.is_empty()), "{html}");
    }
}
