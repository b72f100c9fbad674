//! The good book and how a broken copy of it is run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One row: what is changed, what is run, what has to come out.
pub struct Case {
    pub name: &'static str,
    /// Path → what to do to it.
    pub edits: Vec<(&'static str, Edit)>,
    pub args: &'static [&'static str],
    pub env: &'static [(&'static str, &'static str)],
    pub code: i32,
    /// Each must stand in the output.
    pub says: &'static [&'static str],
}

/// What to do to a file.
pub enum Edit {
    /// Write it anew.
    Write(&'static str),
    /// Put text at its end.
    Append(&'static str),
    /// Put the second text in the place of the first, which must be there.
    Replace(&'static str, &'static str),
    /// Take it away.
    Delete,
}

/// The good book, its dependencies built.
pub struct Good {
    dir: tempfile::TempDir,
    target: PathBuf,
}

/// A copy of it.
pub struct Copy {
    pub dir: tempfile::TempDir,
    target: PathBuf,
}

const REPO: &str = env!("CARGO_MANIFEST_DIR");

fn files() -> Vec<(&'static str, String)> {
    let ci = Path::new(REPO)
        .parent()
        .expect("ci/book lies in ci")
        .display()
        .to_string();
    vec![
        (
            "book.toml",
            "[book]\ntitle = \"Good\"\nlanguage = \"en\"\n\n[preprocessor.book]\nlistings = [\"listings\"]\n\
             snippets = \"snippets\"\nunshown = [\"**/Cargo.toml\", \"**/tests/**\"]\nconsole-budget = 20\n"
                .into(),
        ),
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"listings/*/*\", \"snippets\"]\n\n\
             [profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.build-override]\ndebug = \"line-tables-only\"\n"
                .into(),
        ),
        (".gitignore", "/target/\n/book/\n/src/mermaid.min.js\n".into()),
        ("src/SUMMARY.md", "# Summary\n\n- [Good](good/page.md)\n- [Other](other.md)\n".into()),
        (
            "src/good/page.md",
            "# Good\n\
             \n\
             See [the other page](../other.md#other).\n\
             \n\
             ```rust,title=\"double a number\"\n\
             {{#include ../../listings/good/twice/src/lib.rs:twice}}\n\
             ```\n\
             \n\
             ```yaml,title=\"read by a test\"\n\
             {{#include ../../listings/good/twice/settings.yaml}}\n\
             ```\n\
             \n\
             ```text,title=\"what it says\"\n\
             {{#include ../../listings/good/twice/captured/words.txt}}\n\
             ```\n\
             \n\
             It answers {{fact good/twice/answer}} at once.\n\
             \n\
             ```console\n\
             $ echo hello\n\
             hello\n\
             ```\n\
             \n\
             ```mermaid\n\
             flowchart LR\n\
                 a[One] --> b[Two]\n\
             ```\n\
             \n\
             ```rust\n\
             assert_eq!(1 + 1, 2);\n\
             ```\n"
                .into(),
        ),
        ("src/other.md", "# Other\n\nNothing to check here.\n".into()),
        (
            "listings/good/twice/Cargo.toml",
            format!(
                "[package]\nname = \"twice\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
                 [features]\ndocker = [\"book-support/docker\"]\n\n\
                 [dev-dependencies]\nbook-support = {{ path = \"{ci}/support\" }}\n"
            ),
        ),
        (
            "listings/good/twice/src/lib.rs",
            "//! Twice.\n\n\
             // ANCHOR: twice\n\
             /// Doubles a number.\n\
             pub fn twice(n: u32) -> u32 {\n    \
                 if n > 1000 {\n        \
                     return 2000;\n    \
                 }\n    \
                 n * 2\n\
             }\n\
             // ANCHOR_END: twice\n"
                .into(),
        ),
        ("listings/good/twice/settings.yaml", "factor: 2\n".into()),
        ("listings/good/twice/captured/words.txt", "twice 21 is 42\n".into()),
        ("listings/good/twice/captured/answer.txt", "42 ms".into()),
        (
            "listings/good/twice/tests/twice.rs",
            "//! What the page says.\n\n\
             use twice::twice;\n\n\
             #[test]\n\
             fn doubles() {\n    \
                 assert_eq!(twice(21), 42);\n    \
                 assert_eq!(twice(5000), 2000);\n\
             }\n\n\
             #[test]\n\
             fn settings_hold_the_factor() {\n    \
                 let text = book_support::listing(\"listings/good/twice/settings.yaml\");\n    \
                 assert!(text.contains(\"factor: 2\"));\n\
             }\n\n\
             #[test]\n\
             fn words_are_captured() {\n    \
                 let words = format!(\"twice 21 is {}\\n\", twice(21));\n    \
                 book_support::captured(\"listings/good/twice/captured/words.txt\", &words);\n    \
                 book_support::fact(\"listings/good/twice/captured/answer.txt\", format!(\"{} ms\", twice(21)));\n\
             }\n"
                .into(),
        ),
        (
            "snippets/Cargo.toml",
            "[package]\nname = \"snippets\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\nskeptic = \"0.14.2\"\n\n[build-dependencies]\nskeptic = \"0.14.2\"\n"
                .into(),
        ),
        ("snippets/src/lib.rs", "//! Crates for inline Rust.\n".into()),
        ("snippets/build.rs", std::fs::read_to_string(Path::new(REPO).join("../snippets/build.rs")).expect("build.rs")),
        (
            "snippets/tests/skeptic.rs",
            std::fs::read_to_string(Path::new(REPO).join("../snippets/tests/skeptic.rs")).expect("skeptic.rs"),
        ),
    ]
}

/// Runs `cargo book` in a book, with nothing of the caller's run in its environment.
pub fn cargo_book(dir: &Path, target: &Path, temp: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        if text.starts_with("BOOK_") || text.starts_with("CARGO_PKG") || text == "CI" || text.starts_with("LLVM_") {
            command.env_remove(&name);
        }
    }
    command
        .args(args)
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", target)
        .env("BOOK_WORK", dir.join("target/book"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("TMPDIR", temp)
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("RUST_BACKTRACE")
        .envs(env.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Both outputs as one text.
pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

impl Good {
    /// Writes the good book, settles its lock file offline, and builds it once.
    pub fn prepare() -> Good {
        let dir = tempfile::Builder::new()
            .prefix("good-book-")
            .tempdir()
            .expect("a temporary folder");
        for (path, text) in files() {
            write(&dir.path().join(path), &text);
        }
        let repo = Path::new(REPO).join("../..");
        std::fs::copy(repo.join("Cargo.lock"), dir.path().join("Cargo.lock")).expect("the lock file");
        // Next to the programs under test, so that the second run of this table finds everything built.
        let programs = Path::new(env!("CARGO_BIN_EXE_book"))
            .parent()
            .expect("a folder")
            .to_path_buf();
        let target = programs.join("broken-books");
        let settled = Command::new("cargo")
            .args(["metadata", "--format-version=1", "--offline"])
            .current_dir(dir.path())
            .output()
            .expect("cargo");
        assert!(settled.status.success(), "{}", String::from_utf8_lossy(&settled.stderr));
        Good { dir, target }
    }

    /// A copy with a git repository of its own.
    pub fn copy(&self) -> Copy {
        let dir = tempfile::Builder::new()
            .prefix("broken-book-")
            .tempdir()
            .expect("a temporary folder");
        copy_tree(self.dir.path(), dir.path());
        let git = |args: &[&str]| {
            let out = Command::new("git")
                .args(args)
                .current_dir(dir.path())
                .output()
                .expect("git");
            assert!(out.status.success(), "{}", text(&out));
        };
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.invalid",
            "commit",
            "--quiet",
            "--message=good",
        ]);
        std::fs::create_dir(dir.path().join(".temp")).expect("a folder");
        std::fs::write(dir.path().join(".git/info/exclude"), ".temp\n").expect("an exclude file");
        Copy {
            dir,
            target: self.target.clone(),
        }
    }

    /// Breaks a copy as the row says and looks at what comes out.
    pub fn check(&self, case: &Case) -> Result<(), String> {
        let copy = self.copy();
        for (path, edit) in &case.edits {
            copy.edit(path, edit);
        }
        let output = copy.run(case.args, case.env);
        let said = text(&output);
        copy.nothing_left()?;
        if output.status.code() != Some(case.code) {
            return Err(format!(
                "ended with {:?}, not {}:\n{said}",
                output.status.code(),
                case.code
            ));
        }
        match case.says.iter().find(|words| !said.contains(**words)) {
            Some(words) => Err(format!("does not say `{words}`:\n{said}")),
            None => Ok(()),
        }
    }
}

impl Copy {
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn edit(&self, path: &str, edit: &Edit) {
        let file = self.path(path);
        match edit {
            Edit::Write(text) => write(&file, text),
            Edit::Append(text) => write(&file, &(std::fs::read_to_string(&file).expect(path) + text)),
            Edit::Replace(old, new) => {
                let text = std::fs::read_to_string(&file).expect(path);
                assert!(text.contains(old), "{path} does not hold `{old}`");
                write(&file, &text.replacen(old, new, 1));
            }
            Edit::Delete => std::fs::remove_file(&file).expect(path),
        }
    }

    pub fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        cargo_book(self.dir.path(), &self.target, &self.path(".temp"), args, env)
    }

    pub fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.command(args, env).output().expect("cargo book starts")
    }

    /// No temporary file and no process of this copy is left.
    pub fn nothing_left(&self) -> Result<(), String> {
        let files: Vec<String> = std::fs::read_dir(self.path(".temp"))
            .map_err(|e| e.to_string())?
            .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        if !files.is_empty() {
            return Err(format!("left temporary files: {files:?}"));
        }
        let left = processes(&self.path(".temp").to_string_lossy());
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("left processes: {left:?}"))
        }
    }
}

/// Processes whose environment names this temporary folder.
fn processes(temp: &str) -> BTreeSet<String> {
    let mark = format!("TMPDIR={temp}");
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter(|e| {
            let environment = std::fs::read(e.path().join("environ")).unwrap_or_default();
            environment.split(|b| *b == 0).any(|v| v == mark.as_bytes())
        })
        .map(|e| {
            let line = std::fs::read(e.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ")
        })
        // A process that has ended and was not collected yet has no command line.
        .filter(|line| !line.is_empty())
        .collect()
}

fn write(path: &Path, text: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder");
    }
    std::fs::write(path, text).expect("a file");
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file");
        }
    }
}
