use std::io::Read;

use super::*;

fn block(line: usize, origin: Origin, lang: &str, text: &str, title: &str) -> Block {
    Block {
        page: "src/m/a.md".into(),
        line,
        end_line: line + 2,
        lang: lang.into(),
        attrs: [("title".to_owned(), title.to_owned())].into_iter().collect(),
        text: text.into(),
        origin,
        format: None,
    }
}

fn made(main: &str, blocks: &[&Block]) -> xhtml::Made {
    let diagrams = [(("src/m/a.md".to_owned(), 9), ("diagrams/1.png".to_owned(), 40))]
        .into_iter()
        .collect();
    let figures = xhtml::Figures {
        blocks,
        rows: &[],
        diagrams: &diagrams,
    };
    let inside = ["m/a.html", "m/index.html", "b.html"]
        .map(str::to_owned)
        .into_iter()
        .collect();
    xhtml::page(
        &format!("<nav>x</nav><main>{main}</main>"),
        "m/a.html",
        &inside,
        &figures,
    )
}

fn options<'a>() -> roxmltree::ParsingOptions<'a> {
    roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    }
}

fn parses(body: &str) {
    let text = xhtml::document("en", "A & B", "m/a.xhtml", body);
    if let Err(error) = roxmltree::Document::parse_with_options(&text, options()) {
        panic!("{error}: {text}");
    }
}

#[test]
fn a_page_becomes_xhtml() {
    for (main, xhtml) in [
        ("<p>a &amp; b &lt; c<br>d</p>", "<p>a &amp; b &lt; c<br/>d</p>"),
        (
            "<h2 id=\"x\"><a class=\"header\" href=\"#x\">X</a></h2>",
            "<h2 id=\"x\">X</h2>",
        ),
        (
            "<p>a<script>b</script><button>c</button><svg><p>d</p></svg></p>",
            "<p>a</p>",
        ),
        ("<book-lab data=\"x\"><p onclick=\"y\">a</p></book-lab>", "<p>a</p>"),
        ("<ul><li>open<li>two</ul>", "<ul><li>open<li>two</li></li></ul>"),
        ("<input type=\"checkbox\" checked disabled>done", "☑ done"),
        (
            "<p title=\"a &quot;b&quot; <c>\">x</p>",
            "<p title=\"a &quot;b&quot; &lt;c&gt;\">x</p>",
        ),
        ("<p id=\"a\">x</p><p id=\"a\">y</p>", "<p id=\"a\">x</p><p>y</p>"),
        ("a\u{1b}[0m", "a\u{fffd}[0m"),
    ] {
        let made = made(main, &[]);
        assert_eq!(made.body, xhtml, "{main}");
        parses(&made.body);
    }
}

#[test]
fn links_lead_inside_the_book_or_away_and_never_to_what_only_the_site_has() {
    for (href, expected) in [
        ("../b.html#c", "<a href=\"../b.xhtml#c\">x</a>"),
        ("index.html", "<a href=\"../m/index.xhtml\">x</a>"),
        ("./", "<a href=\"../m/index.xhtml\">x</a>"),
        ("#here", "<a href=\"#here\">x</a>"),
        (
            "https://example.org/?a=1&amp;b",
            "<a href=\"https://example.org/?a=1&amp;b\">x</a>",
        ),
        ("../listings/a.rs.html#L3", "x"),
        ("../../out.html", "x"),
    ] {
        assert_eq!(made(&format!("<a href=\"{href}\">x</a>"), &[]).body, expected, "{href}");
    }
    let links = made("<a href=\"../b.html#c\">x</a><a href=\"#here\">y</a>", &[]).links;
    assert_eq!(links, ["b.xhtml#c", "#here"]);
}

#[test]
fn a_block_is_drawn_from_the_page_whatever_the_site_makes_of_it() {
    let rust = block(
        3,
        Origin::Inline,
        "rust",
        "# hidden();\nshown::<u8>();\n## kept\n",
        "run `it` & see",
    );
    let diagram = block(9, Origin::Diagram, "mermaid", "flowchart LR\n", "who calls \"whom\"");
    let main = "<figure class=\"listing\" id=\"block-3\"><button>x</button><figure>in</figure></figure>\
                <figure id=\"block-9\"><pre class=\"mermaid\">y</pre></figure><figure><p>own</p></figure>";
    let made = made(main, &[&rust, &diagram]);
    assert_eq!(
        made.body,
        "<figure id=\"block-3\">\n<figcaption>run <code>it</code> &amp; see</figcaption>\n\
         <pre><code>shown::&lt;u8&gt;();\n# kept</code></pre>\n</figure>\
         <figure id=\"block-9\">\n<figcaption>who calls &quot;whom&quot;</figcaption>\n\
         <img src=\"../diagrams/1.png\" alt=\"who calls &quot;whom&quot;\" width=\"40\"/>\n</figure>\
         <figure><p>own</p></figure>"
    );
    parses(&made.body);
}

#[test]
fn a_dead_link_is_an_error() {
    let ids = [("a.xhtml".to_owned(), ["x".to_owned()].into_iter().collect())]
        .into_iter()
        .collect();
    let asked = |link: &str| dead_links(&ids, &[("a.xhtml".to_owned(), link.to_owned())]);
    assert!(asked("a.xhtml").is_ok() && asked("a.xhtml#x").is_ok() && asked("#x").is_ok());
    for dead in ["b.xhtml", "a.xhtml#y", "#y"] {
        let error = asked(dead).unwrap_err().to_string();
        assert!(error.contains(&format!("a.xhtml: {dead} leads nowhere")), "{error}");
    }
}

/// A whole one, from a book to the file.
#[test]
fn an_epub_holds_together() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "book.toml",
        "[book]\ntitle = \"T & U\"\ndescription = \"D\"\n\n[preprocessor.book]\ncommand = \"false\"\ncover = \"c.png\"\n",
    );
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = []\n");
    write("c.png", "picture");
    write(
        "src/SUMMARY.md",
        "[Preface](a.md)\n\n# Part <1>\n\n- [M](m/README.md)\n  - [B & C](m/bc.md)\n",
    );
    write("src/a.md", "# Preface\n\nSee [b](m/bc.md#deep).\n");
    write(
        "src/m/README.md",
        "# M\n\nSee [up](../a.md). | not a table\n\n| a | b |\n|---|---|\n| 1 | ![p](../p.png) |\n",
    );
    write(
        "src/m/bc.md",
        "# B\n\nText.\n\n```console\n$ echo \"<&>\"\n<&>\n```\n\n## Deep\n\n- [ ] open\n",
    );
    write("src/p.png", "another");
    let book = Book::read(crate::model::Root {
        path: dir.path().to_owned(),
    })
    .unwrap();
    assert_eq!(book.pages.findings, []);
    let site = dir.path().join("site");
    crate::publish::site(&book, &site, &Default::default()).unwrap();
    let file = dir.path().join("out/book.epub");
    let made = write_epub(&book, &site, &file);
    assert_eq!((made.pages, made.diagrams), (3, 0));

    let mut zip = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
    let names: Vec<String> = (0..zip.len())
        .map(|i| zip.by_index(i).unwrap().name().unwrap().into_owned())
        .collect();
    // A reader looks for these bytes at this place.
    let raw = std::fs::read(&file).unwrap();
    assert_eq!(&raw[30..58], b"mimetypeapplication/epub+zip");
    assert_eq!(zip.by_index(0).unwrap().compression(), CompressionMethod::Stored);
    let mut text_of = |name: &str| {
        let mut text = String::new();
        zip.by_name(name)
            .unwrap_or_else(|_| panic!("{name}"))
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    assert!(text_of("META-INF/container.xml").contains("full-path=\"OEBPS/package.opf\""));
    let package = text_of("OEBPS/package.opf");
    let package = roxmltree::Document::parse(&package).unwrap();
    let mut ids = BTreeSet::new();
    let mut listed = vec![
        "mimetype".to_owned(),
        "META-INF/container.xml".into(),
        "OEBPS/package.opf".into(),
    ];
    for item in package.descendants().filter(|node| node.has_tag_name("item")) {
        assert!(ids.insert(item.attribute("id").unwrap()), "{item:?}");
        listed.push(format!(
            "OEBPS/{}",
            super::super::decode(item.attribute("href").unwrap()).unwrap()
        ));
    }
    // What is listed is there, and what is there is listed.
    listed.sort();
    let mut there = names.clone();
    there.sort();
    assert_eq!(listed, there);
    assert!(
        package
            .descendants()
            .filter(|n| n.has_tag_name("itemref"))
            .all(|n| ids.contains(n.attribute("idref").unwrap()))
    );
    // Every document parses; what it refers to is there.
    let mut targets = BTreeMap::new();
    let mut asked = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".xhtml")) {
        let text = text_of(name);
        let document = roxmltree::Document::parse_with_options(&text, options()).unwrap();
        let mut own = BTreeSet::new();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            if let Some(id) = node.attribute("id") {
                assert!(own.insert(id.to_owned()), "{name}: #{id} twice");
            }
            asked.extend(
                ["href", "src"]
                    .iter()
                    .filter_map(|a| node.attribute(*a))
                    .map(|to| (name.clone(), to.to_owned())),
            );
        }
        targets.insert(name.clone(), own);
    }
    assert!(asked.len() > 8, "{asked:?}");
    for (from, to) in asked {
        let (path, fragment) = to.split_once('#').unwrap_or((&to, ""));
        let mut at: Vec<&str> = from.split('/').collect();
        at.pop();
        for part in path.split('/').filter(|_| !path.is_empty()) {
            match part {
                ".." => _ = at.pop(),
                part => at.push(part),
            }
        }
        let found = if path.is_empty() {
            from.clone()
        } else {
            super::super::decode(&at.join("/")).unwrap()
        };
        assert!(names.contains(&found), "{from}: {to}");
        assert!(
            fragment.is_empty() || targets[&found].contains(fragment),
            "{from}: {to}"
        );
    }
    let nav = text_of("OEBPS/nav.xhtml");
    assert!(
        nav.contains("<span>Part &lt;1&gt;</span>") && nav.contains("m/bc.xhtml\">B &amp; C</a>"),
        "{nav}"
    );
    let page = text_of("OEBPS/m/bc.xhtml");
    assert!(
        page.contains("<p class=\"verdict\">not run here</p>") && page.contains("<li>☐ "),
        "{page}"
    );
}

fn write_epub(book: &Book, site: &Path, file: &Path) -> Made {
    write(book, site, file).unwrap()
}
