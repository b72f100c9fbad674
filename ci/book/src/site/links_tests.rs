use super::*;

struct Site(tempfile::TempDir);

impl Site {
    fn of(files: &[(&str, &str)]) -> Site {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Site(dir)
    }

    fn said(&self) -> Vec<String> {
        check(self.0.path())
            .unwrap()
            .into_iter()
            .map(|p| format!("{}: {}", p.file, p.what))
            .collect()
    }
}

const TARGET: &str = "<main><h1 id=\"top-of-it\">T</h1><a name=\"old\"></a><p id=\"größe\">x</p></main>";

#[test]
fn links_that_lead_somewhere_are_no_problem() {
    let site = Site::of(&[
        (
            "a/page.html",
            "<main><a href=\"#here\">x</a><p id=\"here\"></p><a href=\"../b.html#top-of-it\">x</a>\
             <a href=\"../b.html#old\">x</a><a href=\"../b.html#gr%C3%B6%C3%9Fe\">x</a><a href=\"../b.html?q=1\">x</a>\
             <a href=\"../a%20b.html\">x</a><a href=\"./\">x</a><a href=\"../a/\">x</a>\
             <a href=\"#\">x</a><a href=\"#top\">x</a><a href=\"https://example.com/x?y#z\">x</a>\
             <a href=\"mailto:a@example.com\">x</a><img src=\"data:image/png;base64,AA\" alt=\"\">\
             <a href=\"../b.html#:~:text=x\">x</a><svg><use href=\"#here\"/></svg><a>draft</a></main>\
             <script>const text = 'see https://example.com';</script>",
        ),
        ("a/index.html", "<main>i</main>"),
        ("b.html", TARGET),
        ("a b.html", "x"),
        (
            "c.css",
            "/* url(nowhere.png) */ a { background: url('d.svg#x'); } @import \"c.css\";",
        ),
        ("d.svg", "<svg/>"),
        (
            "404.html",
            "<base href=\"/\"><main><a href=\"a/page.html#here\">x</a></main>",
        ),
    ]);
    assert_eq!(site.said(), Vec::<String>::new());
}

#[test]
fn what_leads_nowhere_is_found() {
    for (link, word) in [
        ("<a href=\"nowhere.html\">", "nowhere.html leads nowhere"),
        ("<a href=\"b.html#nothing\">", "b.html has no `#nothing`"),
        ("<a href=\"b.html#top-of\">", "did you mean `#top-of-it`?"),
        ("<a href=\"#nothing\">", "page.html has no `#nothing`"),
        ("<a href=\"\">", "is empty"),
        ("<a href=\"../x.html\">", "out of the site"),
        ("<a href=\"b.html/\">", "no folder"),
        ("<a href=\"empty/\">", "leads nowhere"),
        ("<a href=\"b%2.html\">", "`%`"),
        ("<a href=\"b b.html\">", "%20"),
        ("<a href=\"https://\">", "no host"),
        ("<a href=\"https://exa mple.com/\">", "no host"),
        ("<a href=\"javascript:alert(1)\">", "javascript"),
        ("<a href=\"mailto:nobody\">", "mail address"),
        ("<img src=\"none.png\">", "none.png leads nowhere"),
        ("<img srcset=\"b.html 1x, none.png 2x\">", "none.png leads nowhere"),
        ("<script src=\"https://cdn.example/x.js\"></script>", "third party"),
        ("<img src=\"//cdn.example/x.png\">", "third party"),
        (
            "<link rel=\"stylesheet\" href=\"https://cdn.example/x.css\">",
            "third party",
        ),
        (
            "<link rel=\"dns-prefetch\" href=\"https://cdn.example\">",
            "third party",
        ),
        ("<iframe src=\"https://cdn.example/\"></iframe>", "third party"),
        (
            "<p style=\"background: url(https://cdn.example/x.png)\">",
            "third party",
        ),
        ("<style>@import 'https://cdn.example/x.css';</style>", "third party"),
        ("<script>fetch('https://cdn.example/x')</script>", "third party"),
        (
            "<script>import x from \"https://cdn.example/x.js\"</script>",
            "third party",
        ),
        (
            "<script>const m = await import(\"https://cdn.example/x.js\")</script>",
            "third party",
        ),
        ("<pre class=\"playground\"><code>x</code></pre>", "play.rust-lang.org"),
    ] {
        let site = Site::of(&[
            ("page.html", &format!("<main>{link}</main>")),
            ("b.html", TARGET),
            ("empty/x.txt", ""),
        ]);
        let said = site.said();
        assert!(
            said.len() == 1 && said[0].starts_with("page.html: ") && said[0].contains(word),
            "{link}: {said:?}"
        );
    }
}

#[test]
fn a_site_below_a_folder_knows_its_address() {
    let page = "<main><a href=\"/book/b.html\">x</a><a href=\"/b.html\">y</a></main>";
    let site = Site::of(&[
        ("page.html", page),
        ("b.html", "x"),
        (
            "404.html",
            "<base href=\"/book/\"><main><a href=\"/book/b.html\">x</a><a href=\"/b.html\">y</a></main>",
        ),
    ]);
    let said = site.said();
    assert!(said.len() == 3 && said[0].contains("it leaves /book/"), "{said:?}");
    assert!(said[1..].iter().all(|s| s.contains("begins with `/`")), "{said:?}");
}

#[test]
fn what_is_around_every_page_is_said_once_and_print_is_not_read() {
    let page = |up: &str| format!("<link rel=\"icon\" href=\"{up}none.png\"><main><a href=\"no.html\">x</a></main>");
    let site = Site::of(&[
        ("a.html", &page("")),
        ("sub/b.html", &page("../")),
        ("print.html", &page("")),
        ("index.html", &page("")),
    ]);
    let said = site.said();
    assert_eq!(said.iter().filter(|s| s.contains("none.png")).count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|s| s.contains("no.html")).count(), 2, "{said:?}");
}

#[test]
fn a_problem_is_located_in_the_markdown() {
    let dir = Site::of(&[
        (
            "src/a.md",
            "# A\n\n[x](b.md) and [ok](bb.md)\n\n[y](b.md#z)\n[z](b.md)\n\n[r]: ../c/README.md#q\n",
        ),
        ("src/d/README.md", "<a href=\"x.html\">x</a>\n"),
    ]);
    let at = |file: &str, target: &str, nth: usize| {
        let problem = Problem {
            file: file.into(),
            target: target.into(),
            nth,
            what: String::new(),
        };
        locate(dir.0.path(), "src", &problem)
    };
    let a = |line: usize| Some(("src/a.md".to_owned(), line));
    assert_eq!(at("a.html", "b.html", 0), a(3));
    assert_eq!(at("a.html", "b.html", 1), a(6));
    assert_eq!(at("a.html", "b.html#z", 0), a(5));
    assert_eq!(at("a.html", "../c/index.html#q", 0), a(8));
    assert_eq!(at("a.html", "../theme/x.css", 0), a(1));
    assert_eq!(at("d/index.html", "x.html", 0), Some(("src/d/README.md".to_owned(), 1)));
    assert_eq!(at("listings/x.html", "x.html", 0), None);
}
