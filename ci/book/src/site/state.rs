//! What is known of the whole book: the short table of `{{#evidence}}` and the page of `{{#state}}`.
//!
//! Both are drawn from the report that `cargo book status --json` prints, and count nothing themselves that it has
//! counted.

use std::collections::BTreeMap;

use super::escape;
use super::render::{Named, named, time, words};
use crate::model::{Status, Verdict};
use crate::status::{Report, Totals};

/// The columns of each table, with the verdicts that are counted there.
const COLUMNS: [(&str, &[Verdict]); 4] = [
    ("Verified", &[Verdict::Verified]),
    ("Not run", &[Verdict::NotRun]),
    ("Failed or stale", &[Verdict::Failed, Verdict::Stale]),
    ("Exempt", &[Verdict::Exempt]),
];

/// What a page is called, and where it lies.
pub trait Titles {
    /// The title and the address, from the site's root, of a page (`src/21-x/README.md`).
    fn page(&self, page: &str) -> (String, String);
    /// The title of a folder of pages (`21-x`), and its address where it has a page of its own. `front` is where no
    /// folder is.
    fn module(&self, folder: &str) -> (String, Option<String>);
}

/// The table that `{{#evidence}}` shows: what is known of all blocks, by language.
pub fn totals(report: &Report) -> String {
    let rows = report.summary.languages.iter().map(|(name, n)| (escape(name), n));
    let mut out = table("The blocks of this book", false, "Language", rows, &report.summary.all);
    out.push_str(&when(&report.blocks));
    out
}

/// A table of counts. Where a heading stands above it, its caption is only for those who do not see that.
fn table<'a>(
    caption: &str,
    has_heading: bool,
    of: &str,
    rows: impl Iterator<Item = (String, &'a Totals)>,
    all: &Totals,
) -> String {
    let hidden = if has_heading { " class=\"hidden-visually\"" } else { "" };
    let cells = |totals: &Totals| -> String {
        let mut cells = format!("<td>{}</td>", totals.blocks);
        for (_, verdicts) in COLUMNS {
            let n = count(totals, verdicts);
            let class = if n == 0 { " class=\"none\"" } else { "" };
            cells.push_str(&format!("<td{class}>{n}</td>"));
        }
        cells
    };
    let mut out = format!(
        "<div class=\"table-wrapper\"><table class=\"evidence-totals\"><caption{hidden}>{caption}</caption>\
         <thead><tr><th scope=\"col\">{of}</th><th scope=\"col\">Blocks</th>"
    );
    for (name, _) in COLUMNS {
        out.push_str(&format!("<th scope=\"col\">{name}</th>"));
    }
    out.push_str("</tr></thead><tbody>");
    for (name, totals) in rows {
        out.push_str(&format!("<tr><th scope=\"row\">{name}</th>{}</tr>", cells(totals)));
    }
    out.push_str(&format!(
        "</tbody><tfoot><tr><th scope=\"row\">All</th>{}</tr></tfoot></table></div>\n",
        cells(all)
    ));
    out
}

fn count(totals: &Totals, verdicts: &[Verdict]) -> usize {
    let of = |v: &Verdict| totals.by_verdict.get(v.word()).copied().unwrap_or_default();
    verdicts.iter().map(of).sum()
}

/// When the evidence was made.
fn when(rows: &[Status]) -> String {
    let mut times: Vec<&str> = rows.iter().filter_map(|r| r.ran_at.as_deref()).collect();
    times.sort_unstable();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return "<p class=\"evidence-when\">No check has run for this build.</p>\n".into();
    };
    let when = match (time(first), time(last)) {
        (first, last) if first == last => format!("at {first}"),
        (first, last) => format!("between {first} and {last}"),
    };
    format!("<p class=\"evidence-when\">This evidence was made {when}.</p>\n")
}

/// What `{{#state}}` shows: Markdown with HTML blocks in it. `to_root` leads from the page to the site's root.
pub fn state(report: &Report, titles: &dyn Titles, to_root: &str) -> String {
    let all = &report.summary.all;
    let mut out = bar(all);
    out.push_str(&when(&report.blocks));
    let module = |folder: &String| match titles.module(folder) {
        (name, Some(address)) => format!("<a href=\"{to_root}{address}\">{}</a>", escape(&name)),
        (name, None) => escape(&name),
    };
    let by_module = report.summary.modules.iter().map(|(name, n)| (module(name), n));
    let by_language = report.summary.languages.iter().map(|(name, n)| (escape(name), n));
    let by_lane = report.summary.lanes.iter().map(|(name, n)| (escape(name), n));
    for (heading, table) in [
        ("By module", table("Blocks by module", true, "Module", by_module, all)),
        (
            "By language",
            table("Blocks by language", true, "Language", by_language, all),
        ),
        ("By lane", table("Blocks by lane", true, "Lane", by_lane, all)),
    ] {
        out.push_str(&format!("\n## {heading}\n\n{table}"));
    }
    out.push_str("\n## What is not verified\n\n");
    out.push_str(&open(report, titles, to_root));
    out.push_str("\n## What nothing checks\n\n");
    out.push_str(&exempt(report, titles, to_root));
    out.push_str("\n## What ran\n\n");
    out.push_str(&versions(&report.versions));
    out
}

/// All blocks as one bar, and the same in words.
fn bar(all: &Totals) -> String {
    let mut parts = String::new();
    let mut said = Vec::new();
    for verdict in [
        Verdict::Verified,
        Verdict::Exempt,
        Verdict::NotRun,
        Verdict::Stale,
        Verdict::Failed,
    ] {
        let n = count(all, &[verdict]);
        if n > 0 {
            parts.push_str(&format!(
                "<span class=\"{}\" style=\"flex-grow:{n}\"></span>",
                verdict.word()
            ));
            said.push(format!(
                "<span class=\"{}\"><b>{n}</b> {}</span>",
                verdict.word(),
                words(verdict)
            ));
        }
    }
    format!(
        "<div class=\"state-bar\" aria-hidden=\"true\">{parts}</div>\n<p class=\"state-words\">Of {} blocks: {}.</p>\n",
        all.blocks,
        if said.is_empty() {
            "nothing".into()
        } else {
            said.join(", ")
        }
    )
}

/// A block's place, as a link. A fact stands in a sentence, which has no address of its own.
fn place(row: &Status, titles: &dyn Titles, to_root: &str) -> String {
    let (title, address) = titles.page(&row.page);
    let anchor = match row.lang.as_str() {
        "fact" => String::new(),
        _ => format!("#block-{}", row.line),
    };
    let what = row.listing.as_deref().map_or(String::new(), |path| {
        format!(", <code>{}</code>", escape(path.rsplit('/').next().unwrap_or(path)))
    });
    format!(
        "<a href=\"{to_root}{address}{anchor}\">{}, line {}</a> ({}{what})",
        escape(&title),
        row.line,
        escape(&row.lang)
    )
}

fn open(report: &Report, titles: &dyn Titles, to_root: &str) -> String {
    let mut reasons: BTreeMap<(Verdict, &str), Vec<&Status>> = BTreeMap::new();
    for row in &report.blocks {
        if matches!(row.verdict, Verdict::Failed | Verdict::Stale | Verdict::NotRun) {
            reasons.entry((row.verdict, &row.reason)).or_default().push(row);
        }
    }
    if reasons.is_empty() {
        return "<p>Nothing: each block's check ran on exactly its text, and held.</p>\n".into();
    }
    let mut out = String::new();
    for ((verdict, reason), rows) in reasons {
        let n = rows.len();
        let items: String = rows
            .iter()
            .map(|row| format!("<li>{}</li>", place(row, titles, to_root)))
            .collect();
        let reason = if reason.is_empty() { "no check has run" } else { reason };
        out.push_str(&format!(
            "<details class=\"reason {class}\"><summary><span class=\"verdict\">{word}</span> <span>{reason}</span> \
             <span class=\"count\">{n} {blocks}</span></summary><ul>{items}</ul></details>\n",
            class = verdict.word(),
            word = words(verdict),
            reason = escape(reason),
            blocks = if n == 1 { "block" } else { "blocks" },
        ));
    }
    out
}

fn exempt(report: &Report, titles: &dyn Titles, to_root: &str) -> String {
    let items: String = report
        .blocks
        .iter()
        .filter(|row| row.verdict == Verdict::Exempt)
        .map(|row| format!("<li>{}: {}</li>", place(row, titles, to_root), escape(&row.reason)))
        .collect();
    if items.is_empty() {
        "<p>No block is exempt.</p>\n".into()
    } else {
        format!("<ul>{items}</ul>\n")
    }
}

/// Tools and images, with what they truly were.
fn versions(versions: &BTreeMap<String, String>) -> String {
    if versions.is_empty() {
        return "<p>No check that holds for this build names a tool.</p>\n".into();
    }
    let row = |(name, what): (&String, &String)| {
        let what = match named(name, what) {
            Named::StandIn(what) => format!("<b>Stand-in:</b> {what}"),
            Named::Itself(what) => what,
        };
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td>{what}</td></tr>",
            escape(name)
        )
    };
    let rows: String = versions.iter().map(row).collect();
    format!(
        "<div class=\"table-wrapper\"><table class=\"versions\"><caption class=\"hidden-visually\">Tools and images</caption>\
         <thead><tr><th scope=\"col\">Name</th><th scope=\"col\">What it was</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
