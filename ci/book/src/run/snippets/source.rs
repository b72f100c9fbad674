//! From the text of a block to the Markdown that skeptic reads, and back to the source that rustc gets.
//!
//! Line numbers survive the way: the first line of the source stands for the opening fence, the second for the first
//! line of the block. What a block without `fn main` lacks is put on lines that the block does not use.

use std::sync::LazyLock;

use regex::Regex;

/// Begins a mark within the text. skeptic pastes the source into a raw string, and drops `# ` from the start of
/// lines; a mark keeps it from seeing either. Private-use characters: no page has a reason to hold them, and one that
/// does gets them back.
const MARK: &str = "\u{E000}\u{E002}";
const ITSELF: &str = "\u{E000}\u{E001}";

/// Begins the last line of what skeptic gets: which block this is.
const LABEL: &str = "//book-snippet ";

/// What the page says that a block does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It compiles, runs, and ends with 0.
    Well,
    /// rustc refuses it.
    NotCompiled,
    /// It compiles and panics.
    Panicking,
}

/// Which block a source belongs to; travels with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The number of the block in this run.
    pub id: usize,
    /// Line of the opening fence on the page.
    pub line: usize,
    /// Whether the block need not be run, as it is not to compile.
    pub compile_only: bool,
    /// The page.
    pub page: String,
}

/// The Markdown file for one block: one fence that skeptic takes as a test.
pub fn markdown(label: &Label, ends: Ends, text: &str) -> String {
    let source = hide_from_skeptic(&complete(&unhide(text)));
    let ticks = source
        .lines()
        .map(|l| l.chars().take_while(|c| *c == '`').count())
        .max()
        .unwrap_or(0)
        .max(2)
        + 1;
    let fence = "`".repeat(ticks);
    let kind = if ends == Ends::Well {
        "rust"
    } else {
        "rust,should_panic"
    };
    let Label {
        id,
        line,
        compile_only,
        page,
    } = label;
    format!(
        "{fence}{kind}\n{source}\n{LABEL}{id} {line} {} {page}\n{fence}\n",
        u8::from(*compile_only)
    )
}

/// The source for rustc, on the lines of the page, from what skeptic wrote. `None`: it is none of ours.
pub fn restore(written: &str) -> Option<(Label, String)> {
    let (source, label) = written.trim_end().rsplit_once(LABEL)?;
    let mut words = label.splitn(4, ' ');
    let label = Label {
        id: words.next()?.parse().ok()?,
        line: words.next()?.parse().ok()?,
        compile_only: words.next()? == "1",
        page: words.next()?.to_owned(),
    };
    // skeptic's template begins with an empty line.
    let source = source
        .strip_prefix('\n')
        .unwrap_or(source)
        .replace(MARK, "")
        .replace(ITSELF, "\u{E000}");
    let source = format!("{}{source}", "\n".repeat(label.line - 1));
    Some((label, source))
}

/// Lines that mdBook hides (`# use …`) are code as well; `##` stands for `#`.
fn unhide(text: &str) -> String {
    static HIDDEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\s*)#( |#|$)(.*)$").expect("a constant pattern"));
    text.lines()
        .map(|line| match HIDDEN.captures(line) {
            Some(found) if &found[2] == "#" => format!("{}#{}\n", &found[1], &found[3]),
            Some(found) => format!("{}{}\n", &found[1], &found[3]),
            None => format!("{line}\n"),
        })
        .collect()
}

/// A whole program: wraps statements into `fn main`, as rustdoc does.
fn complete(text: &str) -> String {
    let outline = Outline::of(text);
    if outline.has_main {
        return format!("\n{text}");
    }
    // A block that ends in `Ok::<(), Error>(())` may use `?`.
    let (open, close) = if text.trim_end().ends_with("(())") {
        (
            "fn main() { fn _block() -> ::core::result::Result<(), impl ::core::fmt::Debug> {",
            "} if let ::core::result::Result::Err(error) = _block() { eprintln!(\"Error: {error:?}\"); ::std::process::exit(1) } }",
        )
    } else {
        ("fn main() {", "}")
    };
    match outline.attributes_end {
        0 => format!("{open}\n{text}{close}\n"),
        end => format!("\n{}{open}{}{close}\n", &text[..end], &text[end..]),
    }
}

fn hide_from_skeptic(source: &str) -> String {
    let source = source
        .replace('\u{E000}', ITSELF)
        .replace("\"####", &format!("\"{MARK}####"));
    source
        .lines()
        .map(|line| {
            let start = line.trim_start();
            if start.starts_with("# ") || start == "#" {
                format!("{MARK}{line}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

/// As much of Rust's grammar as is needed to know where `fn main` belongs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outline {
    /// Byte after the last `#![…]` at the start; 0 if there is none.
    attributes_end: usize,
    /// Whether there is a `fn main` outside all brackets.
    has_main: bool,
}

impl Outline {
    fn of(text: &str) -> Outline {
        let mut outline = Outline::default();
        let mut depth = 0usize;
        let mut at_start = true;
        let mut after_fn = false;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let token = token_len(rest);
            let (word, after) = rest.split_at(token);
            if at_start
                && word == "#"
                && after.trim_start().starts_with("![")
                && let Some(len) = attribute_len(rest)
            {
                rest = &rest[len..];
                outline.attributes_end = text.len() - rest.len();
                continue;
            }
            let blank = c.is_whitespace() || word.starts_with("//") || word.starts_with("/*");
            if !blank {
                at_start = false;
                match word {
                    "{" | "(" | "[" => depth += 1,
                    "}" | ")" | "]" => depth = depth.saturating_sub(1),
                    "main" if depth == 0 && after_fn => outline.has_main = true,
                    _ => {}
                }
                after_fn = word == "fn";
            }
            rest = after;
        }
        outline
    }
}

/// Bytes of `#![…]` at the start of the text.
fn attribute_len(text: &str) -> Option<usize> {
    let (mut depth, mut rest) = (0usize, text);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(token_len(rest));
        rest = after;
        match word {
            "[" => depth += 1,
            "]" if depth == 1 => return Some(text.len() - rest.len()),
            "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Bytes of the token at the start of a text that is not empty. A string, a comment, a word are one token each.
fn token_len(text: &str) -> usize {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"^(?:\s+|//[^\n]*|(?:br|cr|r)#*"|[bc]?"(?:[^"\\]|\\(?s:.))*"?|"#,
            r#"b?'(?:\\(?:u\{[^}']*\}|x..|.)|[^\\'])'|'\w+|r#\w+|\w+)"#
        ))
        .expect("a constant pattern")
    });
    if text.starts_with("/*") {
        return comment_len(text);
    }
    let Some(found) = WORD.find(text) else {
        return text.chars().next().map_or(1, char::len_utf8);
    };
    let word = found.as_str();
    let raw = word.trim_start_matches(['b', 'c']);
    if raw.starts_with('r') && raw.ends_with('"') {
        let hashes = raw.bytes().filter(|b| *b == b'#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        return text[word.len()..]
            .find(&end)
            .map_or(text.len(), |at| word.len() + at + end.len());
    }
    word.len()
}

/// Bytes of a block comment; they nest.
fn comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let label = Label {
            id: 7,
            line: 3,
            compile_only: true,
            page: "src/a b.md".into(),
        };
        let markdown = markdown(&label, Ends::NotCompiled, text);
        let mut lines: Vec<&str> = markdown.lines().collect();
        let fence = lines.remove(0);
        assert!(fence.ends_with("`rust,should_panic"), "{fence}");
        assert_eq!(lines.pop(), Some(fence.trim_end_matches("rust,should_panic")));
        // As skeptic does: it drops `# `, and begins with an empty line.
        let source: String = lines
            .iter()
            .map(|l| match l.trim_start().strip_prefix("# ") {
                Some(rest) => format!("{rest}\n"),
                None => format!("{l}\n"),
            })
            .collect();
        assert!(!source.contains("\"####"));
        let (read, source) = restore(&format!("\n{source}")).unwrap();
        assert_eq!(read, label);
        source
    }

    #[test]
    fn a_block_line_keeps_its_line_of_the_page() {
        assert_eq!(round("let x = 1;\n").lines().nth(3), Some("let x = 1;"));
        assert_eq!(
            round("fn main() {}\n").lines().collect::<Vec<_>>(),
            ["", "", "", "fn main() {}", ""]
        );
        let with_attribute = round("// Words.\n#![allow(unused)] // why\nlet x = 1;\n");
        assert_eq!(
            with_attribute.lines().nth(4),
            Some("#![allow(unused)]fn main() { // why")
        );
        assert_eq!(with_attribute.lines().nth(5), Some("let x = 1;"));
    }

    #[test]
    fn hidden_lines_are_code_and_a_doubled_hash_is_one() {
        let source =
            round("# use std::fmt;\n#\n  # let a = 1;\nlet s = r\"\n## title\n\";\n#[derive(Debug)]\nstruct A;\n");
        let lines: Vec<&str> = source.lines().skip(2).collect();
        assert_eq!(
            lines[..9],
            [
                "fn main() {",
                "use std::fmt;",
                "",
                "  let a = 1;",
                "let s = r\"",
                "# title",
                "\";",
                "#[derive(Debug)]",
                "struct A;"
            ]
        );
    }

    #[test]
    fn nothing_in_a_source_can_end_what_carries_it() {
        let text = "fn main() {\n    let s = r####\"a\"####; // \u{E000}\n    let t = \"```\n```````\n\";\n}\n";
        assert!(round(text).contains(text));
    }

    #[test]
    fn main_is_found_where_it_counts() {
        for (text, main) in [
            ("fn main() {}", true),
            ("#[tokio::main]\nasync fn main() -> Result<(), ()> { Ok(()) }", true),
            ("pub\nfn\nmain () {}", true),
            ("// fn main() {}", false),
            ("/* /* */ fn main() {} */ let a = 1;", false),
            ("let s = \"fn main() {}\";", false),
            ("let s = \"\\\" fn main() {}\";", false),
            ("let s = r#\"\" fn main() {}\"#;", false),
            ("mod inner { fn main() {} }", false),
            ("let c = '\"'; fn main() {} // \"", true),
            ("let c = '\\''; fn main() {}", true),
            ("struct A<'a>(&'a str); fn main() {}", true),
            ("let c = '{'; fn main() {}", true),
            ("fn maintain() {}", false),
            ("let r#fn = 1; main();", false),
        ] {
            assert_eq!(Outline::of(text).has_main, main, "{text}");
        }
    }

    #[test]
    fn attributes_at_the_start_stay_there() {
        for (text, end) in [
            ("#![allow(dead_code)]\nx", 20),
            ("// a ]\n#![a = \"]\"]\n#![b]\nlet a;", 24),
            ("#[derive(Debug)]\nstruct A;", 0),
            ("let a = 1;\n#![late]", 0),
        ] {
            assert_eq!(Outline::of(text).attributes_end, end, "{text}");
        }
    }
}
