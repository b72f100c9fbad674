use super::*;
use crate::model::Lane;

fn row(page: &str, lang: &str, verdict: Verdict, reason: &str) -> Status {
    Status {
        page: page.into(),
        line: 3,
        lang: lang.into(),
        origin: "listing".into(),
        listing: Some("listings/21-x/api/src/lib.rs".into()),
        lines: Some([4, 5]),
        check: "compiled".into(),
        lane: Lane::Docker,
        verdict,
        reason: reason.into(),
        ran_at: None,
        evidence: Vec::new(),
        seconds: 1.25,
        versions: BTreeMap::new(),
        hash: "abc".into(),
    }
}

struct Names;

impl Titles for Names {
    fn page(&self, page: &str) -> (String, String) {
        (
            format!("The page <{page}>"),
            super::super::render::page_address("src", page),
        )
    }

    fn module(&self, folder: &str) -> (String, Option<String>) {
        match folder {
            "21-x" => ("21 Boxes".into(), Some("21-x/index.html".into())),
            other => (other.into(), None),
        }
    }
}

fn book() -> Report {
    let mut verified = row("src/21-x/a.md", "rust", Verdict::Verified, "");
    verified.ran_at = Some("2026-11-24T09:12:33Z".into());
    verified.versions = [
        ("rustc".to_owned(), "1.95.0".to_owned()),
        (
            "rabbitmq:4".to_owned(),
            "RabbitMQ 4.0.5, built from Debian packages, standing in for `rabbitmq:4`".to_owned(),
        ),
    ]
    .into();
    Report::of(
        vec![
            row("src/preface.md", "text", Verdict::Exempt, "nothing prints it"),
            verified,
            row("src/21-x/a.md", "rust", Verdict::Stale, "b.rs has changed"),
            row("src/21-x/b.md", "yaml", Verdict::NotRun, "the kind lane has not run"),
            row("src/21-x/b.md", "fact", Verdict::NotRun, "the kind lane has not run"),
        ],
        "src",
        Vec::new(),
    )
}

#[test]
fn totals_count_by_language() {
    let table = totals(&book());
    assert!(
        table.contains(
            "<tr><th scope=\"row\">rust</th><td>2</td><td>1</td><td class=\"none\">0</td><td>1</td>\
             <td class=\"none\">0</td></tr>"
        ),
        "{table}"
    );
    assert!(table.contains("<th scope=\"row\">All</th><td>5</td>"), "{table}");
    assert!(table.contains("made at <time"), "{table}");
    assert!(!table.contains("\n\n"));
    assert_eq!(crate::site::html::check(&table), []);
}

#[test]
fn the_state_of_the_book_tells_what_is_not_verified_and_where() {
    let state = state(&book(), &Names, "");
    for part in [
        "Of 5 blocks: <span class=\"verified\"><b>1</b> verified</span>, <span class=\"exempt\"><b>1</b> exempt</span>, \
         <span class=\"not-run\"><b>2</b> not run here</span>, <span class=\"stale\"><b>1</b> stale</span>.",
        "## By module\n\n<div",
        "<th scope=\"row\"><a href=\"21-x/index.html\">21 Boxes</a></th><td>4</td>",
        "<th scope=\"row\">front</th><td>1</td>",
        "<th scope=\"row\">docker</th><td>5</td>",
        "<span>the kind lane has not run</span> <span class=\"count\">2 blocks</span></summary><ul>\
         <li><a href=\"21-x/b.html#block-3\">The page &lt;src/21-x/b.md&gt;, line 3</a> (yaml, <code>lib.rs</code>)</li>\
         <li><a href=\"21-x/b.html\">",
        "<ul><li><a href=\"preface.html#block-3\">The page &lt;src/preface.md&gt;, line 3</a> (text, <code>lib.rs</code>): \
         nothing prints it</li></ul>",
        "<code>rabbitmq:4</code></th><td><b>Stand-in:</b> RabbitMQ 4.0.5, built from Debian packages, standing in \
         for <code>rabbitmq:4</code></td>",
        "<td>rustc 1.95.0</td>",
    ] {
        assert!(state.contains(part), "{part}: {state}");
    }
    assert_eq!(crate::site::html::check(&state), [], "{state}");
}

#[test]
fn a_build_without_evidence_says_so() {
    let report = Report::of(
        vec![row(
            "src/a.md",
            "rust",
            Verdict::NotRun,
            "the offline lane has not run its tests",
        )],
        "src",
        Vec::new(),
    );
    let state = state(&report, &Names, "");
    assert!(state.contains("No check has run for this build."), "{state}");
    assert!(state.contains("<b>1</b> not run here"), "{state}");
    assert!(
        state.contains("No check that holds for this build names a tool."),
        "{state}"
    );
    assert!(state.contains("No block is exempt."), "{state}");
}

#[test]
fn a_book_without_a_gap_says_so() {
    let report = Report::of(vec![row("src/a.md", "rust", Verdict::Verified, "")], "src", Vec::new());
    assert!(state(&report, &Names, "").contains("Nothing: each block's check ran on exactly its text, and held."));
}
