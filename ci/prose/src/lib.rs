//! What a page's prose is like: the length of sentences and paragraphs, and the places that a second look may mend.
//!
//! Nothing here judges. A long sentence can be right, and a hedge can be the truth. [`read`] cuts a page into its
//! paragraphs, [`Report::of`] counts and marks. Headings, tables and fenced blocks are no prose; list items are.

mod marks;
mod text;

pub use marks::{Corpus, Glossary};
pub use text::{Paragraph, Sentence, read};

/// Sentences with more words than this are named one by one.
pub const LONG: usize = 30;

/// A place worth a second look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line of the page, counted from 1.
    pub line: usize,
    /// What is there.
    pub what: String,
}

/// A page in numbers and marks.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many sentences.
    pub sentences: usize,
    /// How many of them have more than [`LONG`] words.
    pub long: usize,
    /// How many paragraphs.
    pub paragraphs: usize,
    /// How many words in all of them.
    pub words: usize,
    /// What to look at, by line.
    pub marks: Vec<Mark>,
}

impl Report {
    /// Counts a page's paragraphs and marks what a second look may mend.
    pub fn of(paragraphs: &[Paragraph], corpus: &Corpus, glossary: &Glossary) -> Report {
        let mut report = Report {
            paragraphs: paragraphs.len(),
            ..Report::default()
        };
        for sentence in paragraphs.iter().flat_map(|paragraph| &paragraph.sentences) {
            report.sentences += 1;
            report.words += sentence.words;
            if sentence.words > LONG {
                report.long += 1;
                let start: String = sentence.text.chars().take(60).collect();
                report.marks.push(Mark {
                    line: sentence.line,
                    what: format!("{} words in one sentence: {start}…", sentence.words),
                });
            }
        }
        report.marks.extend(marks::hedges(paragraphs));
        report.marks.extend(corpus.unknown(paragraphs));
        report.marks.extend(glossary.unlinked(paragraphs));
        report.marks.extend(glossary.undefined(paragraphs));
        report.marks.sort();
        report
    }

    /// The numbers of several pages as one.
    pub fn add(&mut self, other: &Report) {
        self.sentences += other.sentences;
        self.long += other.long;
        self.paragraphs += other.paragraphs;
        self.words += other.words;
    }

    /// `48 sentences of 11.2 words, 2 % above 30; 21 words a paragraph`.
    pub fn numbers(&self) -> String {
        let mean = |sum: usize, of: usize| if of == 0 { 0.0 } else { sum as f64 / of as f64 };
        format!(
            "{} sentences of {:.1} words, {:.0} % above {LONG}; {:.0} words a paragraph",
            self.sentences,
            mean(self.words, self.sentences),
            100.0 * mean(self.long, self.sentences),
            mean(self.words, self.paragraphs),
        )
    }
}
