use super::*;
use mdbook_preprocessor::PreprocessorContext;
use mdbook_preprocessor::book::Book;

/// Leaves pages as they are.
struct Nothing;

impl Preprocessor for Nothing {
    fn name(&self) -> &str {
        "book"
    }

    fn run(&self, _: &PreprocessorContext, book: Book) -> Result<Book> {
        Ok(book)
    }
}

fn book(page: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    write(
        "book.toml",
        "[book]\ntitle = \"T\"\n\n[preprocessor.book]\ncommand = \"false\"\n",
    );
    write("src/SUMMARY.md", "- [A](a.md)\n");
    write("src/a.md", page);
    write("src/mermaid.min.js", "another copy");
    dir
}

#[test]
fn a_site_is_whole() {
    let dir = book("# A\n\ntext\n");
    let dest = dir.path().join("out/site");
    build(
        dir.path(),
        &dest,
        Nothing,
        &["src/a.md".into(), "src/a.md".into()],
        &Options::default(),
    )
    .unwrap();
    for file in ["index.html", "a.html", ".nojekyll", "listings/src/a.md.html"] {
        assert!(dest.join(file).is_file(), "{file}");
    }
    // No page has a diagram.
    assert!(!dest.join("mermaid.min.js").exists());
    let left: Vec<_> = std::fs::read_dir(dir.path().join("out"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left, ["site"]);
}

/// mdBook's default is a request to the playground from each page with Rust on it.
#[test]
fn no_page_asks_the_playground_unless_the_book_wants_it() {
    let dir = book("# A\n\n```rust\nfn main() {}\n```\n");
    let dest = dir.path().join("site");
    let said = || {
        build(dir.path(), &dest, Nothing, &[], &Options::default()).unwrap();
        crate::site::links::check(&dest).unwrap()
    };
    assert_eq!(said(), []);
    let config = dir.path().join("book.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "\n[output.html.playground]\nrunnable = true\n").unwrap();
    assert!(said().iter().any(|problem| problem.what.contains("play.rust-lang.org")));
}

#[test]
fn the_site_ships_the_library_that_checks_diagrams() {
    let dir = book("# A\n\n<pre class=\"mermaid\">flowchart LR\n    a --> b\n</pre>\n");
    let dest = dir.path().join("site");
    build(dir.path(), &dest, Nothing, &[], &Options::default()).unwrap();
    assert!(std::fs::read(dest.join("mermaid.min.js")).unwrap() == mermaid::library().as_bytes());
}

#[test]
fn what_mdbook_warns_of_is_an_error_and_the_old_site_stays() {
    let dir = book("# A\n\nfirst\n");
    let dest = dir.path().join("site");
    build(dir.path(), &dest, Nothing, &[], &Options::default()).unwrap();
    for (page, word) in [
        ("# A\n\n<div>\n\nopen\n", "unclosed HTML tag `<div>`"),
        ("# A\n\n{{#include none.rs}}\n", "none.rs"),
        (
            "# A\n\n[^x]: a note that nothing points to\n\ntext[^y]\n\n[^y]: z\n",
            "footnote",
        ),
    ] {
        std::fs::write(dir.path().join("src/a.md"), page).unwrap();
        let error = build(dir.path(), &dest, Nothing, &[], &Options::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(word) && error.contains("fix:"), "{error}");
        assert!(std::fs::read_to_string(dest.join("a.html")).unwrap().contains("first"));
    }
    std::fs::write(dir.path().join("src/a.md"), "# A\n\nsecond\n").unwrap();
    assert!(build(dir.path(), &dest, Nothing, &["none.rs".into()], &Options::default()).is_err());
    assert!(std::fs::read_to_string(dest.join("a.html")).unwrap().contains("first"));
    build(dir.path(), &dest, Nothing, &[], &Options::default()).unwrap();
    assert!(std::fs::read_to_string(dest.join("a.html")).unwrap().contains("second"));
}

#[test]
fn a_page_that_nobody_wrote_is_not_made_up() {
    let dir = book("# A\n");
    std::fs::write(dir.path().join("src/SUMMARY.md"), "- [A](a.md)\n- [B](b.md)\n").unwrap();
    assert!(build(dir.path(), &dir.path().join("site"), Nothing, &[], &Options::default()).is_err());
    assert!(!dir.path().join("src/b.md").exists());
}

#[test]
fn only_a_site_is_replaced() {
    let dir = book("# A\n");
    let full = dir.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("letter.txt"), "dear").unwrap();
    for dest in [full.as_path(), dir.path()] {
        let error = build(dir.path(), dest, Nothing, &[], &Options::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("fix:"), "{error}");
    }
    assert!(full.join("letter.txt").exists() && dir.path().join("src/a.md").exists());
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    build(dir.path(), &empty, Nothing, &[], &Options::default()).unwrap();
    assert!(empty.join("index.html").exists());
}

/// A killed build leaves a folder; the next one takes it away, and leaves alone what a living process builds.
#[test]
fn what_a_killed_build_left_is_removed() {
    let dir = book("# A\n");
    let dead = dir.path().join(".site-building-4194305-0");
    let alive = dir.path().join(format!(".site-building-{}-99999", std::process::id()));
    std::fs::create_dir(&dead).unwrap();
    std::fs::create_dir(&alive).unwrap();
    build(dir.path(), &dir.path().join("site"), Nothing, &[], &Options::default()).unwrap();
    assert_eq!(dead.exists(), !Path::new("/proc/self").exists());
    assert!(alive.exists());
}
