use super::*;

const HEAD: &str = "<!DOCTYPE HTML><html><head>\n<meta charset=\"UTF-8\">\n<title>";

fn page(title: &str, main: &str) -> String {
    format!(
        "{HEAD}{title}</title>\n<meta name=\"description\" content=\"the book's\">\n<script>const a = 1;</script>\n\
         </head><body><noscript><iframe src=\"toc.html\"></iframe></noscript><main>{main}</main></body></html>"
    )
}

fn site(files: &[(&str, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn about() -> About {
    About {
        title: "Book".into(),
        description: "All of it.".into(),
        card: Some("card.png".into()),
        offline: Some("sw.js".into()),
    }
}

fn whole() -> tempfile::TempDir {
    site(&[
        ("index.html", page("One - Book", "<h1>One</h1><p>You can do one.</p>")),
        ("one.html", page("One - Book", "<h1>One</h1><p>You can do one.</p>")),
        (
            "m/index.html",
            page("M - Book", "<h1>M</h1><p>You can do <b>m</b>. And more.</p>"),
        ),
        (
            "m/two.html",
            page("Two - Book", "<h1>Two</h1><p>You can do two \"quickly\".</p>"),
        ),
        ("404.html", page("Page not found", "<h1>Document not found (404)</h1>")),
        ("listings/a/x.rs.html", page("x.rs", "<pre>x</pre>")),
        ("card.png", "picture".into()),
    ])
}

fn read(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

#[test]
fn a_site_whose_address_nobody_knows_names_none() {
    let dir = whole();
    finish(dir.path(), dir.path(), &about(), &Options::default()).unwrap();
    for name in ["index.html", "m/two.html", "404.html"] {
        let text = read(&dir, name);
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{name}: {text}"
        );
        assert!(
            !text.contains("canonical") && !text.contains("og:image"),
            "{name}: {text}"
        );
        assert!(
            text.contains("<meta name=\"book-offline\" content=\"sw.js\">"),
            "{name}: {text}"
        );
    }
    assert!(!dir.path().join("sitemap.xml").exists() && !dir.path().join("robots.txt").exists());
    let two = read(&dir, "m/two.html");
    assert!(
        two.contains("<meta name=\"description\" content=\"You can do two &quot;quickly&quot;.\">"),
        "{two}"
    );
    assert!(
        two.contains("<meta property=\"og:title\" content=\"Two - Book\">"),
        "{two}"
    );
    assert!(read(&dir, "m/index.html").contains("content=\"You can do m.\""));
    assert!(read(&dir, "listings/a/x.rs.html").contains("<title>a/x.rs - Book</title>"));
    assert!(read(&dir, "404.html").contains("<a href=\"index.html\">"));
    assert_eq!(check(dir.path()).unwrap(), []);
}

#[test]
fn a_site_that_knows_its_address_says_it_once_for_each_text() {
    let dir = whole();
    let options = Options {
        url: Some(site_url("https://example.org/book").unwrap()),
        live: false,
    };
    finish(dir.path(), dir.path(), &about(), &options).unwrap();
    let canonical = |name: &str, url: &str| {
        let text = read(&dir, name);
        let link = format!("<link rel=\"canonical\" href=\"https://example.org/book/{url}\">");
        assert!(text.contains(&link), "{name}: {text}");
    };
    canonical("index.html", "");
    canonical("one.html", "");
    canonical("m/index.html", "m/");
    canonical("m/two.html", "m/two.html");
    let home = read(&dir, "index.html");
    assert!(
        home.contains("<title>Book</title>") && home.contains("content=\"All of it.\""),
        "{home}"
    );
    assert!(
        home.contains("<meta property=\"og:image\" content=\"https://example.org/book/card-"),
        "{home}"
    );
    assert!(!read(&dir, "404.html").contains("canonical"));
    let map = read(&dir, "sitemap.xml");
    let urls: Vec<&str> = map
        .split("<loc>")
        .skip(1)
        .filter_map(|rest| rest.split("</loc>").next())
        .collect();
    let expected = [
        "https://example.org/book/",
        "https://example.org/book/m/",
        "https://example.org/book/m/two.html",
    ];
    assert_eq!(urls, expected);
    assert!(roxmltree::Document::parse(&map).is_ok());
    assert!(read(&dir, "robots.txt").ends_with("Sitemap: https://example.org/book/sitemap.xml\n"));
}

#[test]
fn a_site_that_is_being_written_asks_for_no_worker() {
    let dir = whole();
    let options = Options { url: None, live: true };
    finish(dir.path(), dir.path(), &about(), &options).unwrap();
    assert!(!read(&dir, "index.html").contains("book-offline"));
}

#[test]
fn a_policy_names_each_script_of_the_page_and_no_more_than_it_needs() {
    let text = page("x", "<p>x</p>");
    let said = policy(&text);
    // printf 'const a = 1;' | openssl sha256 -binary | base64
    assert!(
        said.contains("script-src 'self' 'sha256-zv0N0Hv6Zw9+C4JbNy52ozAX+zm+quOk2wp0IZa7md8='; "),
        "{said}"
    );
    assert!(
        said.contains("style-src 'self'; style-src-attr 'unsafe-inline'; "),
        "{said}"
    );
    assert!(
        said.contains("frame-src 'self'") && said.starts_with("default-src 'none'"),
        "{said}"
    );
    assert!(!said.contains("eval") && !said.contains("http"), "{said}");
    let lab = policy(&page("x", "<book-lab></book-lab>"));
    assert!(
        lab.contains("'wasm-unsafe-eval'") && !lab.contains("'unsafe-eval'"),
        "{lab}"
    );
    // A page that only shows the element has no lab.
    assert!(!policy(&page("x", "<p>&lt;book-lab&gt;</p>")).contains("wasm"));
    assert!(policy(&page("x", mermaid::MARK)).contains("style-src 'self' 'unsafe-inline'; "));
    assert!(!policy("<head></head>").contains("frame-src"));
}

#[test]
fn the_policy_stands_before_all_scripts() {
    let dir = whole();
    finish(dir.path(), dir.path(), &about(), &Options::default()).unwrap();
    for path in build::pages_below(dir.path()).unwrap() {
        let text = std::fs::read_to_string(path).unwrap();
        let at = text.find("Content-Security-Policy").unwrap();
        assert!(at < text.find("<script").unwrap(), "{text}");
    }
}

#[test]
fn a_description_is_the_first_sentence_of_the_text() {
    for (main, description) in [
        ("<h1>A</h1><p>One, two. Three.</p>", "One, two."),
        ("<blockquote><p>Beside.</p></blockquote><p>You can.</p>", "You can."),
        (
            "<figure><p>No.</p></figure><ul><li><p>No.</p></li></ul><p>Here it is</p>",
            "Here it is",
        ),
        (
            "<p>Run\n<code>a.b</code> at 1.5 s: it ends!</p>",
            "Run a.b at 1.5 s: it ends!",
        ),
        ("<p>Look at this:</p>", "Look at this"),
        ("<p><img src=\"x\"></p><p>Then.</p>", "Then."),
        (
            "<p class=\"above\"><a href=\"x\">Module</a></p><h1>A</h1><p>You can.</p>",
            "You can.",
        ),
        ("<h1>A</h1><h2>Part</h2><p>You can.</p>", ""),
        ("<h1>None</h1><ul><li>x</li></ul>", ""),
    ] {
        assert_eq!(said(&page("t", main)).description, description, "{main}");
    }
    let long = said(&page("t", &format!("<p>{}end.</p>", "word ".repeat(60)))).description;
    assert!(long.ends_with("word…") && long.chars().count() <= LONGEST, "{long}");
}

#[test]
fn pages_that_cannot_be_told_apart_or_run_what_they_may_not_are_found() {
    let dir = site(&[
        ("index.html", page("A", "<p>Home.</p>")),
        ("a.html", page("A", "<p>One.</p>")),
        ("b.html", page("A", "<p>Two.</p>")),
        ("c.html", page("C", "<ul><li>x</li></ul>")),
        ("d.html", page("D", "<p>Two. And more.</p>")),
    ]);
    finish(dir.path(), dir.path(), &About::default(), &Options::default()).unwrap();
    let late = read(&dir, "a.html").replace("</body>", "<script>late();</script></body>");
    std::fs::write(dir.path().join("a.html"), late).unwrap();
    let said: Vec<String> = check(dir.path())
        .unwrap()
        .into_iter()
        .map(|p| format!("{}: {}", p.file, p.what))
        .collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!(said[3], "d.html: b.html begins with the same sentence: Two.");
    assert!(
        said[0].starts_with("a.html: the page's policy does not allow"),
        "{said:?}"
    );
    assert_eq!(said[1], "b.html: a.html has the same title: A");
    assert!(
        said[2].starts_with("c.html: the page has no first sentence"),
        "{said:?}"
    );
}

#[test]
fn an_address_of_a_site_is_whole() {
    for (url, whole, path) in [
        ("https://example.org", "https://example.org/", "/"),
        ("https://example.org/a/b/", "https://example.org/a/b/", "/a/b/"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a/", "/a/"),
    ] {
        assert_eq!(site_url(url).unwrap(), whole);
        assert_eq!(path_of(whole), path);
    }
    for bad in [
        "example.org",
        "/a/",
        "ftp://example.org/",
        "https://example.org/a b/",
        "https://example.org/?q",
        "",
    ] {
        let error = site_url(bad).unwrap_err().to_string();
        assert!(error.contains("fix: write it whole"), "{bad}: {error}");
    }
}
