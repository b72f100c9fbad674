//! From what the scripts say to page and line.

use super::*;

fn page(text: &str) -> Page {
    let dir = tempfile::tempdir().unwrap();
    let root = crate::model::Root {
        path: dir.path().to_path_buf(),
    };
    std::fs::create_dir(root.join("src")).unwrap();
    std::fs::write(root.join("src/SUMMARY.md"), "# Summary\n\n- [A](a.md)\n").unwrap();
    std::fs::write(root.join("src/a.md"), text).unwrap();
    std::fs::write(root.join("book.toml"), "[book]\ntitle = \"A\"\n").unwrap();
    let config = crate::config::Config::load(&root).unwrap();
    crate::page::load(&root, &config).pages.remove(0)
}

#[test]
fn a_page_has_the_address_that_mdbook_gives_it() {
    for (page, expected) in [
        ("src/preface.md", "preface.html"),
        ("src/README.md", "index.html"),
        ("src/21-x/README.md", "21-x/index.html"),
        ("src/21-x/first-image.md", "21-x/first-image.html"),
        ("src/MYREADME.md", "MYREADME.html"),
    ] {
        assert_eq!(address("src", page), expected);
    }
}

#[test]
fn a_finding_stands_at_its_block_its_picture_its_words_or_its_heading() {
    let page = page("# Title\n\nSome **bold** words.\n\n## Why `so`?\n\nOther words.\n\n![](pictures/a.svg)\n");
    let said = |heading: &str, text: &str, image: Option<&str>, block| Said {
        heading: Some(heading.into()),
        text: Some(text.into()),
        image: image.map(str::to_owned),
        block,
        ..Said::default()
    };
    for (said, line) in [
        (said("Title", "", None, Some(12)), 12),
        (said("Why so?", "", Some("pictures/a.svg"), None), 9),
        (said("Title", "bold", None, None), 3),
        (said("Why so?", "Other words.", None, None), 7),
        (said("Why so?", "nowhere", None, None), 5),
        (said("No such heading", "Other words.", None, None), 1),
        (Said::default(), 1),
    ] {
        assert_eq!(line_in(&page, &said), line, "{said:?}");
    }
}

#[test]
fn what_can_be_pasted_of_a_session_is_its_commands_and_of_code_the_code() {
    let page = page(
        "# A\n\n```console\n$ echo a \\\n>   b\na b\n$ true\n```\n\n```rust\n# fn main() {\nlet a = 1;\n# }\n```\n",
    );
    let texts: Vec<Vec<String>> = page.blocks.iter().map(pasted).collect();
    assert_eq!(texts[0], ["echo a \\\n  b\ntrue"]);
    assert_eq!(texts[1], ["let a = 1;", "fn main() {\nlet a = 1;\n}"]);
}
