use super::*;
use crate::model::{Included, Lane};

fn block(line: usize, lang: &str, attrs: &[(&str, &str)], text: &str, origin: Origin) -> Block {
    let height = match &origin {
        Origin::Listing(_) | Origin::Output(_) => 1,
        _ => text.lines().count(),
    };
    Block {
        page: "src/21-x/a.md".into(),
        line,
        end_line: line + height + 1,
        lang: lang.into(),
        attrs: attrs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        text: text.into(),
        origin,
        format: None,
    }
}

fn included(path: &str, lines: &[usize], text: &str) -> Included {
    Included {
        path: path.into(),
        lines: lines.into(),
        text: text.into(),
    }
}

fn status() -> Status {
    Status {
        page: "src/21-x/a.md".into(),
        line: 3,
        lang: "rust".into(),
        origin: "listing".into(),
        listing: Some("listings/21-x/api/src/lib.rs".into()),
        lines: Some([4, 5]),
        check: "compiled & run".into(),
        lane: Lane::Docker,
        verdict: Verdict::Verified,
        reason: String::new(),
        ran_at: Some("2026-11-24T09:12:33.25Z".into()),
        evidence: vec!["a::b <built> it\nand {{#more}}".into()],
        seconds: 1.25,
        versions: [
            ("rustc".to_owned(), "rustc 1.95.0".to_owned()),
            (
                "rabbitmq:4".to_owned(),
                "RabbitMQ 4.0.5, built from Debian packages, standing in for `rabbitmq:4`".to_owned(),
            ),
        ]
        .into(),
        hash: "abc".into(),
    }
}

fn render(text: &str, blocks: Vec<Block>) -> String {
    let source = PageSource {
        root: Root { path: ".".into() },
        path: "src/21-x/a.md".into(),
        src: "src".into(),
        text: text.into(),
        blocks,
        steps: BTreeMap::new(),
    };
    page(&source, &|_| Some(status()))
}

/// As mdBook reads it: the fences with their text, and what of HTML stands around them.
fn fences(markdown: &str) -> Vec<(String, String)> {
    use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
    let mut found = Vec::new();
    for event in Parser::new_ext(markdown, crate::page::markdown_options()) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => found.push((info.to_string(), String::new())),
            Event::Text(text) => {
                if let Some((_, body)) = found.last_mut() {
                    body.push_str(&text);
                }
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => found.push((String::new(), String::new())),
            _ => {}
        }
    }
    found.retain(|(info, _)| !info.is_empty());
    found
}

#[test]
fn a_listing_gets_its_caption_its_text_and_its_badge() {
    let file = included("listings/21-x/api/src/lib.rs", &[4, 5], "fn a() {\n}\n");
    let text =
        "# A\n\n```rust,title=\"answer `GET` <x>\"\n{{#include ../../listings/21-x/api/src/lib.rs:a}}\n```\n\nend\n";
    let out = render(
        text,
        vec![block(
            3,
            "rust",
            &[("title", "answer `GET` <x>")],
            "{{#include …}}",
            Origin::Listing(file),
        )],
    );
    assert!(out.starts_with("# A\n\n"), "{out}");
    assert!(out.ends_with("\nend\n"), "{out}");
    assert!(
        out.contains("<figure class=\"listing from-listing lang-rust\" id=\"block-3\">"),
        "{out}"
    );
    assert!(
        out.contains(
            "<figcaption><a class=\"file\" href=\"../listings/listings/21-x/api/src/lib.rs.html#L4\"><code>api/src/lib.rs</code></a> <span class=\"dash\">—</span> \
             <span class=\"title\">answer <code>GET</code> &lt;x&gt;</span></figcaption>"
        ),
        "{out}"
    );
    assert!(out.contains("\n```rust\nfn a() {\n}\n```\n"), "{out}");
    for word in [
        "<details class=\"evidence verified\"><summary><span class=\"verdict\">verified</span>",
        "<dt>Check</dt><dd>compiled &amp; run</dd><dt>Lane</dt><dd>docker</dd>",
        "a::b &lt;built&gt; it&#10;and &#123;&#123;#more}}",
        "<dt>Stand-in</dt><dd>RabbitMQ 4.0.5, built from Debian packages, standing in for <code>rabbitmq:4</code></dd>",
        "<dd>rustc 1.95.0</dd>",
        "<time datetime=\"2026-11-24T09:12:33.25Z\">2026-11-24 09:12 UTC</time>, in 1.2 s",
        "sha256:abc",
    ] {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert_eq!(crate::site::html::check(&out), []);
}

#[test]
fn text_is_shown_as_it_is_in_the_file() {
    let inside = "let s = r#\"\n# hidden?\n## twice\n#[derive]\n\"#;\n````\n```\n{{#include x}} {{#y z}}\n    deep\n";
    let file = included("listings/21-x/l.rs", &[1], inside);
    let out = render(
        "```rust\n{{#include ../../listings/21-x/l.rs}}\n```\n",
        vec![block(1, "rust", &[], "", Origin::Listing(file))],
    );
    let found = fences(&out);
    assert_eq!(found.len(), 1, "{out}");
    let expected = inside
        .replace("\n# hidden?", "\n## hidden?")
        .replace("\n## twice", "\n### twice")
        .replace("{{#include x}} {{#y z}}", "\\{{#include x}} {{#y z}}");
    assert_eq!(found[0], ("rust".to_owned(), expected));
}

#[test]
fn rust_that_a_page_writes_keeps_its_hidden_lines_and_its_promise() {
    let text = "```rust,compile_fail,E0382\n# use std::fmt;\nlet a = 1;\n```\n";
    let out = render(
        text,
        vec![block(
            1,
            "rust",
            &[("compile_fail", ""), ("E0382", "")],
            "# use std::fmt;\nlet a = 1;\n",
            Origin::Inline,
        )],
    );
    assert_eq!(
        fences(&out),
        [(
            "rust,compile_fail".to_owned(),
            "# use std::fmt;\nlet a = 1;\n".to_owned()
        )]
    );
}

#[test]
fn a_diagram_goes_through_mdbook_mermaid() {
    let text = "```mermaid\nflowchart LR\n    a[\"<b>\"] --> b\n\n    b --> c\n```\n";
    let out = render(
        text,
        vec![block(
            1,
            "mermaid",
            &[("title", "how")],
            "flowchart LR\n    a[\"<b>\"] --> b\n\n    b --> c\n",
            Origin::Diagram,
        )],
    );
    assert!(
        out.contains(
            "\n<pre class=\"mermaid\">flowchart LR\n    a[&quot;&lt;b&gt;&quot;] --&gt; b\n\n    b --&gt; c\n</pre>\n"
        ),
        "{out}"
    );
    assert!(
        out.contains("<figcaption><span class=\"title\">how</span></figcaption>"),
        "{out}"
    );
    assert_eq!(crate::site::html::check(&out), []);
}

#[test]
fn blocks_in_lists_and_quotations_stay_there() {
    let text = "1. one\n\n   ```console\n   $ a\n   ```\n2. ```console\n   $ b\n   ```\n\n> ```console\n> $ c\n> ```\n> text\n";
    let console = |line: usize, text: &str| block(line, "console", &[], text, Origin::Console);
    let out = render(
        text,
        vec![console(3, "$ a\n"), console(6, "$ b\n"), console(10, "$ c\n")],
    );
    let shown: Vec<String> = fences(&out).into_iter().map(|(_, text)| text).collect();
    assert_eq!(shown, ["$ a\n", "$ b\n", "$ c\n"], "{out}");
    assert!(out.contains("id=\"block-6\" data-commands=\"b\">"), "{out}");
    assert_eq!(crate::site::html::check(&out), [], "{out}");
    let mut depth = Vec::new();
    for event in pulldown_cmark::Parser::new_ext(&out, crate::page::markdown_options()) {
        use pulldown_cmark::{Event, Tag};
        match event {
            Event::Start(Tag::List(_)) => depth.push("list"),
            Event::Start(Tag::BlockQuote(_)) => depth.push("quote"),
            Event::Start(Tag::CodeBlock(_)) => depth.push("code"),
            _ => {}
        }
    }
    assert_eq!(depth, ["list", "code", "code", "quote", "code"], "{out}");
}

#[test]
fn a_captured_output_is_captioned_by_its_title_alone_and_its_badge_names_the_file() {
    let file = included("listings/21-x/images/captured/size.txt", &[1], "42\n");
    let out = render(
        "```text\n{{#include x}}\n```\n",
        vec![block(1, "text", &[], "", Origin::Output(file))],
    );
    assert!(!out.contains("figcaption"), "{out}");
    assert!(
        out.contains("<code>listings/21-x/images/captured/size.txt</code></a></dd>"),
        "{out}"
    );
}

#[test]
fn a_block_that_is_not_verified_says_why_in_its_summary() {
    let text = "```console\n$ a\n```\n";
    let source = PageSource {
        root: Root { path: ".".into() },
        path: "src/a.md".into(),
        src: "src".into(),
        text: text.into(),
        blocks: vec![block(1, "console", &[], "$ a\n", Origin::Console)],
        steps: BTreeMap::new(),
    };
    let not_run = Status {
        verdict: Verdict::NotRun,
        reason: "the docker lane has not run".into(),
        ..status()
    };
    let out = page(&source, &|_| Some(not_run.clone()));
    assert!(out.contains("class=\"evidence not-run\"><summary><span class=\"verdict\">not run here</span> <span class=\"check\">the docker lane has not run</span>"), "{out}");
    assert!(page(&source, &|_| None).contains("Nothing is known of this block."));
}

#[test]
fn a_listing_that_changes_another_links_to_it_and_to_each_of_its_lines() {
    let file = included("listings/21-x/b.Dockerfile", &[2, 3, 4], "FROM b\n\nRUN x\n");
    let step = Step {
        since: Some(crate::steps::Since {
            page: "src/21-x/README.md".into(),
            line: 9,
            path: "listings/21-x/a.Dockerfile".into(),
            text: "FROM a\n\nRUN x\n".into(),
        }),
        folds: Vec::new(),
    };
    let source = PageSource {
        root: Root { path: ".".into() },
        path: "src/21-x/a.md".into(),
        src: "src".into(),
        text: "```dockerfile\n{{#include x}}\n```\n".into(),
        blocks: vec![block(
            1,
            "dockerfile",
            &[("title", "change: the base")],
            "",
            Origin::Listing(file),
        )],
        steps: [(1, step)].into(),
    };
    let out = page(&source, &|_| Some(status()));
    for part in [
        "<span class=\"verb\">change:</span> the base</span><fieldset class=\"views\">",
        "<span class=\"since\">since <a href=\"../21-x/index.html#block-9\"><code>a.Dockerfile</code></a></span>",
        "<a href=\"../listings/listings/21-x/b.Dockerfile.html#L2\" data-n=\"2\" tabindex=\"-1\"></a>",
        "<del>FROM a\n</del><ins>FROM b\n</ins><span>\nRUN x\n</span></code></pre>",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(crate::site::html::check(&out), [], "{out}");
}
