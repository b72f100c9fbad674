//! The good book and how a broken copy of it is run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Trial};

/// What takes more than one command.
pub type Story = fn(&Good) -> Result<(), String>;

/// One row: what is changed, what is run, what has to come out.
pub struct Case {
    pub name: &'static str,
    /// Path → what to do to it.
    pub edits: Vec<(&'static str, Edit)>,
    pub args: &'static [&'static str],
    pub env: &'static [(&'static str, &'static str)],
    pub code: i32,
    /// Whether it starts something on an engine.
    pub docker: bool,
    /// Each must stand in the output.
    pub says: &'static [&'static str],
}

/// Proves the offline lane.
pub const TEST: &[&str] = &["test", "--lane", "offline"];

/// A row of the offline lane that is not green.
pub fn case(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        name,
        edits,
        args: TEST,
        env: &[],
        code: 1,
        docker: false,
        says,
    }
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
    /// Another run of this table waits: the target folder is one.
    _lock: std::fs::File,
}

/// A copy of it.
pub struct Copy {
    pub dir: tempfile::TempDir,
    target: PathBuf,
    /// Where it builds, when that is its own.
    _apart: Option<tempfile::TempDir>,
}

pub const REPO: &str = env!("CARGO_MANIFEST_DIR");

/// The folder of the test-support crate, for a manifest.
pub fn support() -> String {
    let ci = Path::new(REPO).parent().expect("ci/book lies in ci");
    ci.join("support").display().to_string()
}

/// Runs `cargo book` in a book, with nothing of the caller's run in its environment.
pub fn cargo_book(dir: &Path, target: &Path, temp: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(target.join("cargo-book"));
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
        // Each copy has artifacts of its own, none of which is ever built upon.
        .env("CARGO_INCREMENTAL", "0")
        .env("TMPDIR", temp)
        .env("BOOK_FORMATS", std::env::current_exe().expect("this program"))
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
    pub fn prepare(files: Vec<(&'static str, String)>, target: &str) -> Good {
        let dir = tempfile::Builder::new()
            .prefix("good-book-")
            .tempdir()
            .expect("a temporary folder");
        for (path, text) in files {
            write(&dir.path().join(path), &text);
        }
        let repo = Path::new(REPO).join("../..");
        std::fs::copy(repo.join("Cargo.lock"), dir.path().join("Cargo.lock")).expect("the lock file");
        // Next to the programs under test, so that the second run of this table finds everything built.
        let programs = Path::new(env!("CARGO_BIN_EXE_book"))
            .parent()
            .expect("a folder")
            .to_path_buf();
        let target = programs.join(target);
        std::fs::create_dir_all(&target).expect("the target folder");
        let lock = std::fs::File::create(target.join("table.lock")).expect("a lock");
        lock.lock().expect("a lock");
        // Whoever builds the tool meanwhile puts another in its place: this table proves the one that it began with.
        let tool = target.join("cargo-book");
        let _ = std::fs::remove_file(&tool);
        std::fs::hard_link(env!("CARGO_BIN_EXE_book"), &tool)
            .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_book"), &tool).map(|_| ()))
            .expect("the tool");
        let settled = Command::new("cargo")
            .args(["update", "--workspace", "--offline", "--quiet"])
            .current_dir(dir.path())
            .output()
            .expect("cargo");
        assert!(settled.status.success(), "{}", String::from_utf8_lossy(&settled.stderr));
        let good = Good {
            dir,
            target,
            _lock: lock,
        };
        // Of a table that was killed.
        good.sweep();
        good
    }

    /// Removes what was built of the copies' own packages: some gigabytes, and of no use to the next table. What they
    /// depend on stays.
    fn sweep(&self) {
        let members = std::fs::read_to_string(self.dir.path().join("Cargo.lock")).unwrap_or_default();
        let members = members
            .split("[[package]]")
            .filter(|entry| !entry.contains("source = "));
        let names = members.filter_map(|entry| entry.split("name = \"").nth(1)?.split('"').next());
        let mut clean = Command::new("cargo");
        clean
            .args(["clean", "--offline", "--quiet"])
            .current_dir(self.dir.path())
            .env("CARGO_TARGET_DIR", &self.target);
        for name in names.filter(|name| !name.starts_with("book")) {
            clean.args(["--package", name]);
        }
        // If it fails, there is more on the disk than need be.
        let _ = clean.output();
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
            _apart: None,
        }
    }

    /// A copy that builds in a folder of its own, beside which another may build and run.
    #[allow(dead_code, reason = "not every table that shares this file needs it")]
    pub fn copy_apart(&self) -> Copy {
        let apart = tempfile::tempdir_in(self.target.parent().expect("a folder")).expect("a folder");
        let target = apart.path().join("target");
        // With the times of the files, from which cargo sees what is built.
        let copied = Command::new("cp")
            .arg("--archive")
            .args([&self.target, &target])
            .status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "the target folder cannot be copied"
        );
        Copy {
            target,
            _apart: Some(apart),
            ..self.copy()
        }
    }

    /// Runs one row or story after another, as the command line asks.
    pub fn all(
        files: fn() -> Vec<(&'static str, String)>,
        target: &'static str,
        cases: Vec<Case>,
        stories: Vec<(&'static str, Story)>,
    ) -> ExitCode {
        // The book under test has no package that reads formats.
        if std::env::args().nth(1).as_deref() == Some("formats") {
            return book_formats::main();
        }
        let mut arguments = Arguments::from_args();
        // The copies share one target folder, in which a package has the same place whatever book it stands in: one
        // row at a time, or a row would run the program of another.
        arguments.test_threads = Some(1);
        // Made for the first row: whoever only asks for the list waits for nothing.
        let good: Arc<LazyLock<Good, _>> = Arc::new(LazyLock::new(move || Good::prepare(files(), target)));
        let mut trials = Vec::new();
        for case in cases {
            let good = good.clone();
            trials.push(Trial::test(case.name, move || good.check(&case).map_err(Into::into)));
        }
        for (name, check) in stories {
            let good = good.clone();
            trials.push(Trial::test(name, move || check(&good).map_err(Into::into)));
        }
        let conclusion = libtest_mimic::run(&arguments, trials);
        drop(good);
        conclusion.exit_code()
    }

    /// Breaks a copy as the row says and looks at what comes out.
    pub fn check(&self, case: &Case) -> Result<(), String> {
        let copy = self.copy();
        for (path, edit) in &case.edits {
            copy.edit(path, edit);
        }
        let (id, output) = copy.run_known(case.args, case.env);
        let said = text(&output);
        copy.nothing_left().map_err(|left| format!("{left}:\n{said}"))?;
        if case.docker {
            crate::engine::nothing_left(id).map_err(|left| format!("{left}:\n{said}"))?;
        }
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

impl Drop for Good {
    fn drop(&mut self) {
        self.sweep();
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

    /// With the id of the process, which is in the name of what its tests start on an engine.
    pub fn run_known(&self, args: &[&str], env: &[(&str, &str)]) -> (u32, Output) {
        let mut command = self.command(args, env);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("cargo book starts");
        (child.id(), child.wait_with_output().expect("cargo book ends"))
    }

    pub fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.command(args, env).output().expect("cargo book starts")
    }

    /// No temporary file and no process of this copy is left.
    pub fn nothing_left(&self) -> Result<(), String> {
        let files: Vec<String> = std::fs::read_dir(self.path(".temp"))
            .map_err(|e| e.to_string())?
            .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
            // Nobody holds it any more, and the next one takes it.
            .filter(|name| !name.ends_with(".lock"))
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

/// Says what it expected, with all that was said.
pub fn expect(condition: bool, said: &str, words: &str) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{words}:\n{said}"))
    }
}

pub fn says(said: &str, words: &str) -> Result<(), String> {
    expect(said.contains(words), said, &format!("does not say `{words}`"))
}

/// Runs what has to end well; what it says.
pub fn green(copy: &Copy, args: &[&str]) -> Result<String, String> {
    let output = copy.run(args, &[]);
    let said = text(&output);
    expect(
        output.status.success(),
        &said,
        &format!("`{}` is not green", args.join(" ")),
    )?;
    Ok(said)
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
