//! Captured files: written on request only, else compared; and what is noted of them.

mod common;

use std::process::Output;

use book_support::{Matcher, Tolerance, captured_matching, fact_within};
use common::{is_part, notes, run};

const OUTPUT: &str = "listings/01/captured/output.txt";
const SIZE: &str = "listings/01/captured/size.txt";

#[test]
fn part() {
    if is_part() {
        let text = std::env::var("TEXT").unwrap();
        captured_matching(OUTPUT, &text, &[Matcher::Duration]);
        fact_within(SIZE, "1.06 MB", Tolerance::Percent(10.0));
    }
}

struct Book(tempfile::TempDir);

impl Book {
    fn new() -> Book {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("book.toml"), "").unwrap();
        std::fs::create_dir(dir.path().join("notes")).unwrap();
        Book(dir)
    }

    fn run(&self, text: &str, bless: bool) -> Output {
        let root = self.0.path().to_str().unwrap();
        let notes = format!("{root}/notes");
        let mut variables = vec![("BOOK_ROOT", root), ("BOOK_NOTES", notes.as_str()), ("TEXT", text)];
        variables.extend(bless.then_some(("BOOK_BLESS", "1")));
        run("part", &variables)
    }

    fn refusal(&self, text: &str) -> String {
        let out = self.run(text, false);
        assert!(!out.status.success(), "{out:?}");
        assert!(
            notes(&self.0.path().join("notes")).is_empty(),
            "a comparison that fails leaves no note"
        );
        String::from_utf8_lossy(&out.stderr).into_owned()
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.path().join(path)).unwrap()
    }
}

#[test]
fn only_blessing_writes_and_only_what_differs() {
    let book = Book::new();
    let refusal = book.refusal("took 3 ms");
    for words in [
        "output.txt does not exist",
        "took 3 ms",
        &format!("fix: mend the cause, or take it over with `cargo book test --bless {OUTPUT}`"),
    ] {
        assert!(refusal.contains(words), "{refusal}");
    }
    assert!(book.run("took 3 ms\n\n", true).status.success());
    assert_eq!(
        (book.read(OUTPUT).as_str(), book.read(SIZE).as_str()),
        ("took 3 ms\n", "1.06 MB")
    );
    // What a matcher lets pass is not written again: a page changes only when it has to.
    assert!(book.run("took 4 ms", true).status.success());
    assert_eq!(book.read(OUTPUT), "took 3 ms\n");
}

#[test]
fn a_difference_is_shown_and_never_noted() {
    let book = Book::new();
    std::fs::create_dir_all(book.0.path().join("listings/01/captured")).unwrap();
    std::fs::write(book.0.path().join(OUTPUT), "took 3 ms\n").unwrap();
    std::fs::write(book.0.path().join(SIZE), "1.1 MB").unwrap();
    let refusal = book.refusal("failed after 3 ms");
    assert!(refusal.contains("-took 3 ms\n+failed after 3 ms\n"), "{refusal}");
    assert!(book.run("took 9 ms", false).status.success());
    let seen: Vec<String> = notes(&book.0.path().join("notes"))
        .iter()
        .map(|n| format!("{} {} {}", n["test"], n["verb"], n["path"]))
        .collect();
    assert_eq!(
        seen,
        [
            format!(r#""part" "compared" "{OUTPUT}""#),
            format!(r#""part" "compared" "{SIZE}""#)
        ]
    );
}

#[test]
fn a_number_out_of_its_tolerance_is_refused() {
    let book = Book::new();
    assert!(book.run("took 3 ms", true).status.success());
    std::fs::write(book.0.path().join(SIZE), "1.3 MB").unwrap();
    let out = book.run("took 3 ms", false);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("-1.3 MB"), "{out:?}");
}
