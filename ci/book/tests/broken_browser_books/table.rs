//! The table: how a page can fail a reader in the browser, and what the verifier says to it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::book::{Copy, Good, REPO, expect, says, text};

/// One page that is broken.
pub struct Row {
    /// Also the page's file.
    pub name: &'static str,
    /// Its text below the heading. The heading is line 1, and the text begins in line 3.
    text: &'static str,
    /// Files beside it.
    files: Vec<(&'static str, String)>,
    /// Where the finding has to stand.
    line: usize,
    /// How it begins, and what else it has to say.
    says: &'static [&'static str],
}

fn row(name: &'static str, text: &'static str, line: usize, says: &'static [&'static str]) -> Row {
    Row {
        name,
        text,
        files: Vec::new(),
        line,
        says,
    }
}

impl Row {
    fn with(mut self, file: &'static str, text: impl Into<String>) -> Row {
        self.files.push((file, text.into()));
        self
    }
}

/// A page that nothing is wrong with: a session, code that is wider than a phone, a diagram, a picture, a table.
const GOOD: &str = "\
# Good

Words, and a [link](https://www.rust-lang.org).

```console
$ echo one \\
>   two
one two
$ true
```

```rust
# fn main() {
let wide = \"a line that is wider than the screen of a phone, so that it has to scroll within its own box\";
# }
```

<img src=\"square.svg\" alt=\"A square\" width=\"20\" height=\"20\">

| a | b |
|---|---|
| c | d |

## Further down

What is drawn there is drawn before a reader comes to it.

1. One step.
2. Another step.
3. A third step.
4. A fourth step.
5. A fifth step.
6. A sixth step.
7. A seventh step.
8. An eighth step.
9. A ninth step.
10. A tenth step.

```mermaid
flowchart LR
    reader --> page
```
";

const SQUARE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><path d=\"M1 1h7v7H1z\"/></svg>\n";

pub fn rows() -> Vec<Row> {
    vec![
        row(
            "contrast",
            "Words.\n\n<p style=\"color:#ccc;background:#fff\">Faint words.</p>\n",
            5,
            &["axe color-contrast: Elements must meet minimum color contrast ratio thresholds", "(390 px light, 390 px navy)"],
        ),
        row(
            "no-words-for-a-picture",
            "Words.\n\n<p><img src=\"seen.svg\" width=\"20\" height=\"20\"></p>\n",
            5,
            &["axe image-alt: Images must have alternative text", "fix: say in the picture's alternative text"],
        )
        .with("seen.svg", SQUARE),
        row(
            "script-error",
            "Words.\n\n## A lab\n\n<div><script src=\"throws.js\"></script></div>\n",
            7,
            &["a script failed: no such lab", "fix: mend the script"],
        )
        .with("throws.js", "throw new Error(\"no such lab\");\n"),
        row(
            "third-party-font",
            "Words.\n\n<div><link rel=\"stylesheet\" href=\"https://fonts.example.org/far.css\"></div>\n",
            5,
            &["asks a third party for https://fonts.example.org/far.css", "fix: keep the file beside the page"],
        ),
        row(
            "third-party-picture",
            "Words.\n\n![a badge](https://badges.example.org/ok.svg)\n",
            5,
            &["asks a third party for https://badges.example.org/ok.svg"],
        ),
        row(
            "too-wide-for-a-phone",
            "Words.\n\n<div style=\"width: 40em\">wide words</div>\n",
            5,
            &["is wider than a screen of 390 px by ", ": div", "(390 px light, 390 px navy)"],
        ),
        row(
            "diagram-not-drawn",
            "Words.\n\n```mermaid\nflowchart LR\n    reader --> --> page\n```\n",
            5,
            &["a diagram is not drawn (block 5)"],
        ),
        row(
            "copy-gives-a-prompt",
            "Words.\n\n```console\n$ echo one\none\n```\n\n<div><script src=\"prompts.js\"></script></div>\n",
            5,
            &["the copy button gives \"$ echo one\\none\\n\", and \"echo one\" can be pasted"],
        )
        .with(
            "prompts.js",
            "addEventListener(\"load\", () => { window.playground_text = (pre) => pre.querySelector(\"code\").textContent; });\n",
        ),
        row(
            "inline-handler",
            "Words.\n\n<p onclick=\"this.textContent = 'more'\">Press these words.</p>\n",
            5,
            &["has an inline handler (onclick), and the Content-Security-Policy forbids those"],
        ),
        row(
            "inline-script",
            "Words.\n\n<div><script>const shown = eval(\"1 + 1\");</script></div>\n",
            1,
            &["breaks the Content-Security-Policy: script-src forbids eval"],
        ),
        row(
            "moves-while-it-loads",
            "Words.\n\nMore words, which move.\n\n<div><script src=\"late.js\"></script></div>\n",
            1,
            &["moves while it loads: a layout shift of 0."],
        )
        .with(
            "late.js",
            "const later = () => setTimeout(() => {\n  const box = document.createElement(\"div\");\n  \
             box.style.height = \"20em\";\n  document.querySelector(\"main p\").after(box);\n}, 50);\n\
             addEventListener(\"load\", () => requestAnimationFrame(() => requestAnimationFrame(later)));\n",
        ),
        row(
            "flashes",
            "Words.\n\n<div><script src=\"turns.js\"></script></div>\n",
            1,
            &["flashes: its ground is painted "],
        )
        .with(
            "turns.js",
            "addEventListener(\"load\", () => requestAnimationFrame(() => requestAnimationFrame(() => {\n  \
             document.documentElement.style.backgroundColor = \"rgb(1, 2, 3)\";\n})));\n",
        ),
        row(
            "too-heavy",
            "Words.\n\n<div><script src=\"heavy.js\"></script></div>\n",
            1,
            &["weighs ", " kB with gzip at its first load, and 150 kB is the budget (heavy.js "],
        )
        .with("heavy.js", heavy()),
        row(
            "hidden-without-script",
            "Words.\n\n<pre style=\"display: none\">shown by a script</pre>\n",
            5,
            &["a pre cannot be seen without JavaScript"],
        ),
        row(
            "cut-off-on-paper",
            "Words.\n\n<div><pre style=\"white-space: pre !important; overflow-x: auto !important\">\
             one line that is wider than a sheet of paper, and wider than that, and wider still, as nothing wraps it at all\
             </pre></div>\n",
            5,
            &["is cut off when printed: a pre"],
        ),
        row(
            "asks-for-what-is-not-there",
            "Words.\n\n<div><script src=\"gone.js\"></script></div>\n",
            5,
            &["404 for http://127.0.0.1:", "/cloud-native-rust/gone.js"],
        ),
    ]
}

/// A comment that no packer makes small.
fn heavy() -> String {
    let mut text = String::from("// ");
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        write!(text, "{:08x}", state >> 32).expect("a string takes all");
    }
    text + "\n"
}

/// What takes more than one command.
type Story = fn(&Run) -> Result<(), String>;

pub const STORIES: [(&str, Story); 2] = [
    ("nothing is said of the good page", nothing_is_said_of_the_good_page),
    (
        "what did not change is not looked at again",
        what_did_not_change_is_not_looked_at_again,
    ),
];

/// The book with all pages, looked at once.
pub struct Run {
    copy: Copy,
    _good: Good,
    said: String,
    code: Option<i32>,
}

fn root() -> PathBuf {
    Path::new(REPO).join("../..")
}

/// This site's theme, as `book.toml` has it.
fn theme() -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    let mut add = |path: String| {
        if let Ok(text) = std::fs::read_to_string(root().join(&path)) {
            let path: &'static str = path.leak();
            files.push((path, text));
        }
    };
    let folder = root().join("theme");
    let folders = [("theme", folder.clone()), ("theme/fonts", folder.join("fonts"))];
    for (name, folder) in folders {
        for entry in std::fs::read_dir(folder).expect("the theme").flatten() {
            add(format!("{name}/{}", entry.file_name().to_string_lossy()));
        }
    }
    files
}

fn files() -> Vec<(&'static str, String)> {
    let site = std::fs::read_to_string(root().join("book.toml")).expect("book.toml");
    let output = &site[site.find("[output.html]").expect("its output")..];
    let mut summary = String::from("# Summary\n\n- [Good](good.md)\n");
    let mut files = theme();
    let mut add = |path: String, text: String| files.push((path.leak(), text));
    add("src/good.md".into(), GOOD.into());
    add("src/square.svg".into(), SQUARE.into());
    for row in rows() {
        writeln!(summary, "- [{0}]({0}.md)", row.name).expect("a string takes all");
        add(
            format!("src/{}.md", row.name),
            format!("# {}\n\n{}", row.name, row.text),
        );
        for (file, text) in row.files {
            add(format!("src/{file}"), text);
        }
    }
    add("src/SUMMARY.md".into(), summary);
    add(
        "book.toml".into(),
        format!("[book]\ntitle = \"Good\"\nlanguage = \"en\"\n\n[preprocessor.book]\n\n{output}"),
    );
    add(
        "Cargo.toml".into(),
        "[workspace]\nresolver = \"3\"\nmembers = [\"good\"]\n".into(),
    );
    // A workspace has a package.
    add(
        "good/Cargo.toml".into(),
        "[package]\nname = \"good\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n".into(),
    );
    add("good/src/lib.rs".into(), "//! Nothing.\n".into());
    add(".gitignore".into(), "/target/\n/book/\n".into());
    files
}

impl Run {
    pub fn of_all() -> Run {
        let good = Good::prepare(files(), "broken-browser-books");
        let copy = good.copy();
        let output = look(&copy, "src/");
        Run {
            said: text(&output),
            code: output.status.code(),
            copy,
            _good: good,
        }
    }

    pub fn check(&self, row: &Row) -> Result<(), String> {
        expect(self.code == Some(1), &self.said, "the run does not end with 1")?;
        let place = format!("src/{}.md:{}: in the browser: ", row.name, row.line);
        let found: Vec<&str> = self.findings().filter(|f| f.starts_with(&place)).collect();
        let holds = |finding: &&str| {
            let rest = &finding[place.len()..];
            rest.starts_with(row.says[0])
                && row.says.iter().all(|words| rest.contains(words))
                && rest.contains("\n  fix: ")
        };
        let own: Vec<&str> = self.findings().filter(|f| f.contains(row.name)).collect();
        expect(
            found.iter().any(holds),
            &own.join("\n"),
            &format!("nothing at {place}says {:?}", row.says),
        )
    }

    /// Each with its fix.
    fn findings(&self) -> impl Iterator<Item = &str> {
        self.said
            .split("\n\n")
            .map(str::trim)
            .filter(|part| part.starts_with("src/"))
    }
}

fn look(copy: &Copy, pattern: &str) -> Output {
    let scripts = root().join(book_setup::browser::SCRIPTS);
    let packages = book_setup::browser::packages(&root()).expect("the packages' folder");
    let packages = std::path::absolute(packages).expect("a path");
    let env = [
        ("BOOK_BROWSER", scripts.to_string_lossy().into_owned()),
        ("BOOK_BROWSER_PACKAGES", packages.to_string_lossy().into_owned()),
    ];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    copy.run(&["test", "--lane", "browser", pattern], &env)
}

fn nothing_is_said_of_the_good_page(run: &Run) -> Result<(), String> {
    let about: Vec<&str> = run.findings().filter(|f| f.starts_with("src/good.md")).collect();
    expect(
        about.is_empty(),
        &about.join("\n\n"),
        "something is said of the good page",
    )?;
    says(&run.said, "ok browser:src/good.md")?;
    run.copy.nothing_left()
}

fn what_did_not_change_is_not_looked_at_again(run: &Run) -> Result<(), String> {
    let said = text(&look(&run.copy, "src/good.md"));
    says(&said, "0 jobs run, 1 unchanged, 0 findings")?;
    let page = run.copy.path("src/good.md");
    let longer = std::fs::read_to_string(&page).map_err(|e| e.to_string())? + "\nMore words.\n";
    std::fs::write(&page, longer).map_err(|e| e.to_string())?;
    let said = text(&look(&run.copy, "src/good.md"));
    says(&said, "1 job run, 0 unchanged, 0 findings")?;
    says(&said, "looking at 1 page in Chromium")
}
