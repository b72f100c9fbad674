//! The lines of a listing: their numbers beside them, what changed since an earlier step, what folds.
//!
//! All of it is in the page. Which view is seen is a matter of two radio buttons and a check box that the style sheet
//! asks, so that nothing here waits for a script. Numbers are generated content: nobody copies or searches them.

use similar::{ChangeTag, TextDiff};

use super::escape;
use crate::model::{Block, Included};
use crate::steps::Step;

/// What happened to a line since the earlier step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    New,
    Gone,
}

/// One line as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row<'a> {
    text: &'a str,
    change: Change,
    /// Its number in the file. A line that is gone has none.
    number: Option<usize>,
    is_folded: bool,
}

fn rows<'a>(file: &'a Included, step: &'a Step) -> Vec<Row<'a>> {
    let folded = |i: usize| step.folds.iter().any(|range| range.contains(&i));
    let shown = |i: usize, text: &'a str, change: Change| Row {
        text,
        change,
        number: file.lines.get(i).copied(),
        is_folded: folded(i),
    };
    let Some(since) = &step.since else {
        let lines = file.text.lines().enumerate();
        return lines.map(|(i, text)| shown(i, text, Change::Same)).collect();
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (since.text.lines().collect(), file.text.lines().collect());
    TextDiff::from_slices(&old, &new)
        .iter_all_changes()
        .filter_map(|change| match (change.tag(), change.new_index(), change.old_index()) {
            (ChangeTag::Insert, Some(i), _) => Some(shown(i, new[i], Change::New)),
            (ChangeTag::Equal, Some(i), _) => Some(shown(i, new[i], Change::Same)),
            (_, _, old_index) => Some(Row {
                text: old[old_index?],
                change: Change::Gone,
                number: None,
                is_folded: false,
            }),
        })
        .collect()
}

/// Rows that are shown alike, one after the other.
fn runs<'a, 'b>(rows: &'b [Row<'a>]) -> impl Iterator<Item = &'b [Row<'a>]> {
    rows.chunk_by(|a, b| a.change == b.change && a.is_folded == b.is_folded)
}

/// The switches of a listing, for its caption: which view is seen, and whether the folded lines are. `since` is the
/// earlier step, as HTML.
pub(super) fn switches(block: &Block, step: &Step, since: Option<&str>) -> String {
    let mut out = String::new();
    let line = block.line;
    if let Some(since) = since {
        out.push_str(&format!(
            "<fieldset class=\"views\"><legend>Show</legend>\
             <label><input type=\"radio\" name=\"view-{line}\" class=\"changes\" checked><span>changes</span></label>\
             <label><input type=\"radio\" name=\"view-{line}\" class=\"whole\"><span>whole</span></label>\
             </fieldset><span class=\"since\">since {since}</span>"
        ));
    }
    let folded: usize = step.folds.iter().map(ExactSizeIterator::len).sum();
    if folded > 0 {
        out.push_str(&format!(
            "<input type=\"checkbox\" class=\"fold-switch\" id=\"fold-{line}\" aria-label=\"Show the {} of this listing\">",
            lines(folded, "folded ")
        ));
    }
    out
}

fn lines(n: usize, kind: &str) -> String {
    match n {
        1 => format!("1 {kind}line"),
        n => format!("{n} {kind}lines"),
    }
}

/// The numbers beside a listing's lines, each a link to the line in the site's copy of the file at `address`. One line
/// of HTML.
///
/// They are no stops of the keyboard, and nothing is read aloud: the caption's link leads to the same place.
pub(super) fn numbers(file: &Included, step: &Step, address: &str) -> String {
    let rows = rows(file, step);
    let mut out = String::from("<div class=\"numbers\" aria-hidden=\"true\">");
    for run in runs(&rows) {
        let (open, close) = match (run[0].is_folded, run[0].change) {
            (true, _) => ("<b class=\"fold\"></b><span class=\"folded\">", "</span>"),
            (_, Change::Same) => ("", ""),
            (_, Change::New) => ("<span class=\"new\">", "</span>"),
            (_, Change::Gone) => ("<span class=\"gone\">", "</span>"),
        };
        out.push_str(open);
        for row in run {
            match row.number {
                Some(n) => out.push_str(&format!(
                    "<a href=\"{address}#L{n}\" data-n=\"{n}\" tabindex=\"-1\"></a>"
                )),
                None => out.push_str("<b></b>"),
            }
        }
        out.push_str(close);
    }
    out.push_str("</div>");
    out
}

/// A listing with changes or folds: `<pre>`, because a fence can hold neither. Its lines are those of the file and,
/// struck, those that are gone.
pub(super) fn pre(block: &Block, file: &Included, step: &Step) -> String {
    let rows = rows(file, step);
    let mut out = format!("<pre><code class=\"language-{}\">", escape(&block.lang));
    for run in runs(&rows) {
        let (open, close) = match (run[0].is_folded, run[0].change) {
            (true, _) => ("<span class=\"folded\">", "</span>"),
            // In an element also where nothing changed: mdBook hides lines of text with `#` that stand free in code.
            (_, Change::Same) => ("<span>", "</span>"),
            (_, Change::New) => ("<ins>", "</ins>"),
            (_, Change::Gone) => ("<del>", "</del>"),
        };
        if run[0].is_folded {
            out.push_str(&format!(
                "<label class=\"fold\" for=\"fold-{}\" data-lines=\"{}\"></label>",
                block.line,
                lines(run.len(), "")
            ));
        }
        out.push_str(open);
        for row in run {
            out.push_str(&escape(row.text));
            out.push('\n');
        }
        out.push_str(close);
    }
    out.push_str("</code></pre>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::Since;

    fn file(text: &str, first: usize) -> Included {
        Included {
            path: "listings/m/two.Dockerfile".into(),
            lines: (first..first + text.lines().count()).collect(),
            text: text.into(),
        }
    }

    fn step(since: Option<&str>, fold: Option<std::ops::Range<usize>>) -> Step {
        Step {
            since: since.map(|text| Since {
                page: "src/m/a.md".into(),
                line: 3,
                path: "listings/m/one.Dockerfile".into(),
                text: text.into(),
            }),
            folds: fold.into_iter().collect(),
        }
    }

    fn block() -> Block {
        Block {
            page: "src/m/a.md".into(),
            line: 7,
            end_line: 9,
            lang: "dockerfile".into(),
            attrs: Default::default(),
            text: String::new(),
            origin: crate::model::Origin::Inline,
            format: None,
        }
    }

    #[test]
    fn what_changed_is_marked_line_by_line() {
        let file = file("FROM b\nRUN x\nUSER <1>\n", 4);
        let step = step(Some("FROM a\nRUN x\n"), None);
        assert_eq!(
            pre(&block(), &file, &step),
            "<pre><code class=\"language-dockerfile\"><del>FROM a\n</del><ins>FROM b\n</ins><span>RUN x\n</span>\
             <ins>USER &lt;1&gt;\n</ins></code></pre>\n"
        );
        let numbers = numbers(&file, &step, "x.html");
        assert!(
            numbers.starts_with(
                "<div class=\"numbers\" aria-hidden=\"true\"><span class=\"gone\"><b></b></span><span class=\"new\">\
                 <a href=\"x.html#L4\" data-n=\"4\" tabindex=\"-1\"></a></span><a href=\"x.html#L5\""
            ),
            "{numbers}"
        );
        assert_eq!(numbers.matches("<a ").count(), 3, "{numbers}");
    }

    #[test]
    fn folded_lines_are_in_the_page() {
        let file = file("use a;\nuse b;\n\nfn c() {}\n", 1);
        let step = step(None, Some(0..2));
        assert_eq!(
            pre(&block(), &file, &step),
            "<pre><code class=\"language-dockerfile\"><label class=\"fold\" for=\"fold-7\" data-lines=\"2 lines\"></label>\
             <span class=\"folded\">use a;\nuse b;\n</span><span>\nfn c() &#123;}\n</span></code></pre>\n"
        );
        assert!(switches(&block(), &step, None).contains("Show the 2 folded lines of this listing"));
    }

    /// The page as it was must be what remains when a reader leaves the changes out.
    #[test]
    fn what_remains_without_the_struck_lines_is_the_file() {
        let file = file("a\nb\n\nc\n", 1);
        let step = step(Some("a\n\nx\nc\ny\n"), None);
        let rows = rows(&file, &step);
        let kept: Vec<&str> = rows
            .iter()
            .filter(|r| r.change != Change::Gone)
            .map(|r| r.text)
            .collect();
        assert_eq!(kept, ["a", "b", "", "c"]);
        let were: Vec<&str> = rows
            .iter()
            .filter(|r| r.change != Change::New)
            .map(|r| r.text)
            .collect();
        assert_eq!(were, ["a", "", "x", "c", "y"]);
    }
}
