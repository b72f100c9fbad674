//! Where a reader is, and where to go on: the line above a page's title, the links at its end, the list of modules.
//!
//! All three come from the summary alone, so that none can name a page that is not there.

use mdbook_preprocessor::book::{Book, BookItem};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::escape;
use super::render::page_address;
use super::state::Titles;

/// One page of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Relative to the book's root (`src/21-x/README.md`).
    page: String,
    name: String,
    address: String,
    /// The entry that it stands below.
    parent: Option<usize>,
    /// The entries below it.
    children: usize,
    /// The first paragraph of its text.
    lead: String,
}

/// The pages of a book, in reading order.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    entries: Vec<Entry>,
}

impl Contents {
    /// Reads mdBook's own view of the summary. `src` is the folder of all pages.
    pub fn of(book: &Book, src: &str) -> Contents {
        let mut contents = Contents::default();
        contents.add(&book.items, src, None);
        contents
    }

    fn add(&mut self, items: &[BookItem], src: &str, parent: Option<usize>) {
        for item in items {
            let BookItem::Chapter(chapter) = item else { continue };
            let Some(source) = &chapter.source_path else { continue };
            let page = format!("{src}/{}", source.to_string_lossy().replace('\\', "/"));
            let index = self.entries.len();
            self.entries.push(Entry {
                address: page_address(src, &page),
                page,
                name: chapter.name.clone(),
                parent,
                children: 0,
                lead: lead(&chapter.content),
            });
            self.add(&chapter.sub_items, src, Some(index));
            self.entries[index].children = self.entries.len() - index - 1;
        }
    }

    fn find(&self, page: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.page == page)
    }

    /// A page's name and its address below the site's root, if the summary names it.
    pub fn named(&self, page: &str) -> Option<(String, String)> {
        let entry = &self.entries[self.find(page)?];
        Some((entry.name.clone(), entry.address.clone()))
    }

    /// The line above a page's title: the module that it belongs to, or the module's own number. Markdown.
    pub fn above(&self, page: &str, to_root: &str) -> String {
        let Some(entry) = self.find(page).map(|i| &self.entries[i]) else {
            return String::new();
        };
        let words = match entry.parent.map(|i| &self.entries[i]) {
            Some(parent) => format!("<a href=\"{to_root}{}\">{}</a>", parent.address, escape(&parent.name)),
            None => match number(&entry.name) {
                Some(number) => escape(number),
                None => return String::new(),
            },
        };
        format!("<p class=\"above\">{words}</p>\n\n")
    }

    /// The links at a page's end, with the names of the pages that they lead to. Markdown.
    pub fn onward(&self, page: &str, to_root: &str) -> String {
        let Some(at) = self.find(page) else {
            return String::new();
        };
        let link = |entry: Option<&Entry>, rel: &str, word: &str| {
            entry.map_or(String::new(), |entry| {
                format!(
                    "<a class=\"{rel}\" rel=\"{rel}\" href=\"{to_root}{}\"><span>{word}</span> {}</a>",
                    entry.address,
                    escape(&entry.name)
                )
            })
        };
        let before = at.checked_sub(1).and_then(|i| self.entries.get(i));
        format!(
            "\n<nav class=\"onward\" aria-label=\"Previous and next page\">{}{}</nav>\n",
            link(before, "prev", "Previous"),
            link(self.entries.get(at + 1), "next", "Next"),
        )
    }

    /// What `{{#modules}}` shows: each chapter that has pages below it, with what a reader can do at its end. HTML.
    pub fn modules(&self, to_root: &str) -> String {
        let mut out = String::from("<ul class=\"modules\">");
        for (i, entry) in self.entries.iter().enumerate() {
            if entry.parent.is_some() || entry.children == 0 {
                continue;
            }
            let pages: String = self.entries[i + 1..=i + entry.children]
                .iter()
                .map(|page| {
                    format!(
                        "<li><a href=\"{to_root}{}\">{}</a></li>",
                        page.address,
                        escape(&page.name)
                    )
                })
                .collect();
            out.push_str(&format!(
                "<li><a class=\"module\" href=\"{to_root}{}\">{}</a><p>{}</p><ul>{pages}</ul></li>",
                entry.address,
                escape(&entry.name),
                escape(&entry.lead),
            ));
        }
        out.push_str("</ul>\n");
        out
    }
}

impl Titles for Contents {
    fn page(&self, page: &str) -> (String, String) {
        self.named(page)
            .unwrap_or_else(|| (page.to_owned(), page_address("", page)))
    }

    fn module(&self, folder: &str) -> (String, Option<String>) {
        let index = format!("/{folder}/README.md");
        match self.entries.iter().find(|entry| entry.page.ends_with(&index)) {
            Some(entry) => (entry.name.clone(), Some(entry.address.clone())),
            None if folder == "front" => ("Before the modules".into(), None),
            None => {
                let mut letters = folder.chars();
                let first = letters.next().map(|c| c.to_uppercase().to_string());
                (format!("{}{}", first.unwrap_or_default(), letters.as_str()), None)
            }
        }
    }
}

/// The number that a chapter's name begins with.
fn number(name: &str) -> Option<&str> {
    let number = name.split_whitespace().next()?;
    number.chars().all(|c| c.is_ascii_digit()).then_some(number)
}

/// A text's first paragraph, without its markup.
fn lead(text: &str) -> String {
    let mut lead = String::new();
    let mut is_inside = false;
    for event in Parser::new_ext(text, crate::page::markdown_options()) {
        match event {
            Event::Start(Tag::Paragraph) => is_inside = true,
            Event::End(TagEnd::Paragraph) => break,
            Event::Text(part) | Event::Code(part) if is_inside => lead.push_str(&part),
            Event::SoftBreak | Event::HardBreak if is_inside => lead.push(' '),
            _ => {}
        }
    }
    lead
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdbook_preprocessor::book::Chapter;

    fn contents() -> Contents {
        let chapter = |name: &str, path: &str, text: &str| Chapter::new(name, text.into(), path, Vec::new());
        let mut module = chapter(
            "21 Boxes",
            "21-x/README.md",
            "# Boxes\n\nYou can build a [small](x.md)\n`box`.\n\nMore.\n",
        );
        module
            .sub_items
            .push(BookItem::Chapter(chapter("A <first>", "21-x/a.md", "# A\n")));
        let items = vec![
            BookItem::Chapter(chapter("Preface", "preface.md", "# P\n")),
            BookItem::PartTitle("Modules".into()),
            BookItem::Chapter(module),
        ];
        Contents::of(&Book::new_with_items(items), "src")
    }

    #[test]
    fn a_page_says_where_it_is_and_what_comes_next() {
        let contents = contents();
        assert_eq!(
            contents.above("src/21-x/a.md", "../"),
            "<p class=\"above\"><a href=\"../21-x/index.html\">21 Boxes</a></p>\n\n"
        );
        assert_eq!(
            contents.above("src/21-x/README.md", "../"),
            "<p class=\"above\">21</p>\n\n"
        );
        assert_eq!(contents.above("src/preface.md", ""), "");
        let onward = contents.onward("src/21-x/README.md", "../");
        assert!(
            onward.contains("href=\"../preface.html\"><span>Previous</span> Preface</a>"),
            "{onward}"
        );
        assert!(
            onward.contains("href=\"../21-x/a.html\"><span>Next</span> A &lt;first&gt;</a>"),
            "{onward}"
        );
        assert!(!contents.onward("src/21-x/a.md", "../").contains("Next"));
        assert_eq!(contents.onward("src/none.md", ""), "");
    }

    #[test]
    fn modules_are_the_chapters_with_pages_below_them() {
        assert_eq!(
            contents().modules(""),
            "<ul class=\"modules\"><li><a class=\"module\" href=\"21-x/index.html\">21 Boxes</a>\
             <p>You can build a small box.</p><ul><li><a href=\"21-x/a.html\">A &lt;first&gt;</a></li></ul></li></ul>\n"
        );
    }

    #[test]
    fn folders_have_names() {
        let contents = contents();
        assert_eq!(
            contents.module("21-x"),
            ("21 Boxes".into(), Some("21-x/index.html".into()))
        );
        assert_eq!(contents.module("appendix"), ("Appendix".into(), None));
        assert_eq!(contents.page("src/21-x/a.md").1, "21-x/a.html");
    }
}
