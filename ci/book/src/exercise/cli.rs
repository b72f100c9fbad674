//! `cargo book exercise …`: list, start, check, hint, reset, next, watch.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use notify::{EventKind, RecursiveMode, Watcher};

use super::check::{self, Look, Programs};
use super::progress::{self, Progress, Reached};
use super::{Exercise, HINTS};
use crate::config::find_root;
use crate::lanes;
use crate::model::Lane;
use crate::run::{Book, leftovers};

/// What can be done with exercises.
#[derive(Subcommand, Debug)]
pub enum What {
    /// All exercises in the order of the book, and how far you are.
    List,
    /// Write an exercise's starter into my-exercises/, and say what to do.
    #[command(after_help = "Example: cargo book exercise start minimal-image")]
    Start {
        /// The exercise.
        name: String,
        /// Move work that is there to a backup, and begin again.
        #[arg(long)]
        force: bool,
    },
    /// Check your work with the real thing, and say what was seen.
    #[command(after_help = "Ends with 0 when everything holds, with 1 when something does not.")]
    Check {
        /// The exercise; without it, the one that you started last.
        name: Option<String>,
    },
    /// What the last check's findings mean, and the next of three hints.
    Hint {
        /// The exercise; without it, the one that you started last.
        name: Option<String>,
    },
    /// Begin again. Your work moves to a backup beside it.
    Reset {
        /// The exercise; without it, the one that you started last.
        name: Option<String>,
    },
    /// The next exercise of the book that you have not passed.
    Next,
    /// Check again each time that you save. Ctrl-C ends it.
    Watch {
        /// The exercise; without it, the one that you started last.
        name: Option<String>,
    },
}

/// Runs one command; whether what had to hold holds.
///
/// # Errors
/// For wrong use or a missing set-up, with the fix.
pub fn run(what: What) -> Result<bool> {
    let desk = Desk::open()?;
    match what {
        What::List => desk.list(),
        What::Start { name, force } => desk.start(&name, force),
        What::Check { name } => desk.check(name.as_deref()),
        What::Hint { name } => desk.hint(name.as_deref()),
        What::Reset { name } => desk.reset(name.as_deref()),
        What::Next => desk.next(),
        What::Watch { name } => desk.watch(name.as_deref()),
    }
}

/// The book and the reader's folder.
struct Desk {
    book: Book,
    progress: Progress,
}

impl Desk {
    fn open() -> Result<Desk> {
        let root = find_root()?;
        let (progress, aside) = Progress::read(&root)?;
        if let Some(aside) = aside {
            eprintln!("my-exercises/progress.json did not parse; it is {aside} now, and a new one begins");
        }
        let book = Book::read(root)?;
        Ok(Desk { book, progress })
    }

    /// In the order of the book.
    fn all(&self) -> Vec<&Exercise> {
        super::shown(&self.book.pages).into_iter().map(|(e, _)| e).collect()
    }

    fn named(&self, name: &str) -> Result<&Exercise> {
        let found = self.all().into_iter().find(|e| e.name == name);
        found.ok_or_else(|| {
            let near = super::near(&self.book.pages.exercises, name);
            anyhow::anyhow!("there is no exercise `{name}`{near}\n  fix: cargo book exercise list")
        })
    }

    /// The named one, else the one that was started last; it has been started.
    fn begun(&self, name: Option<&str>) -> Result<&Exercise> {
        let exercise = match name {
            Some(name) => self.named(name)?,
            None => self
                .progress
                .current(&self.all())
                .ok_or_else(|| anyhow::anyhow!("you have not started an exercise\n  fix: cargo book exercise next"))?,
        };
        if !self.progress.work(&exercise.name).is_dir() {
            bail!(
                "my-exercises/{} is not there\n  fix: cargo book exercise start {}",
                exercise.name,
                exercise.name
            );
        }
        Ok(exercise)
    }

    fn list(&self) -> Result<bool> {
        let all = self.all();
        if all.is_empty() {
            println!("this book has no exercises");
        }
        let width = |of: fn(&Exercise) -> usize| all.iter().map(|e| of(e)).max().unwrap_or_default();
        let (names, pages) = (width(|e| e.name.len()), width(|e| e.text.page.len()));
        for exercise in &all {
            let state = match self.progress.reached(&exercise.name) {
                Reached::Nothing => "not started",
                Reached::Started => "started",
                Reached::Passed => "passed",
            };
            let Exercise { name, text, .. } = exercise;
            println!(
                "{state:<11}  {name:names$}  {:<7}  {:>2} min  {:pages$}  {}",
                text.lane.word(),
                text.minutes,
                text.page,
                text.title
            );
        }
        Ok(true)
    }

    fn start(mut self, name: &str, force: bool) -> Result<bool> {
        let exercise = self.named(name)?.clone();
        let folder = self.progress.work(name);
        if folder.exists() {
            if progress::is_starter(&exercise.files, &folder) && !force {
                println!("my-exercises/{name} holds the starter already");
                if self.progress.reached(name) != Reached::Passed {
                    self.progress.set(name, Reached::Started)?;
                }
                say_task(&exercise);
                return Ok(true);
            }
            if !force
                && !ask(&format!(
                    "my-exercises/{name} holds work of yours. Move it to a backup and begin again?"
                ))?
            {
                bail!(
                    "my-exercises/{name} holds work of yours; nothing was changed\n  fix: go on with `cargo book exercise check {name}`, or begin again with `cargo book exercise start {name} --force`, which keeps a backup"
                );
            }
            self.put_aside(name)?;
        }
        self.progress.begin(&exercise)?;
        say_task(&exercise);
        Ok(true)
    }

    fn reset(mut self, name: Option<&str>) -> Result<bool> {
        let exercise = self.begun(name)?.clone();
        self.put_aside(&exercise.name)?;
        self.progress.begin(&exercise)?;
        println!("my-exercises/{} holds the starter again", exercise.name);
        Ok(true)
    }

    fn put_aside(&self, name: &str) -> Result<()> {
        let aside = self.progress.put_aside(name)?;
        println!("your work is in {} now", progress::shown(&self.book.root, &aside));
        Ok(())
    }

    fn next(&self) -> Result<bool> {
        let all = self.all();
        let open = all.iter().find(|e| self.progress.reached(&e.name) != Reached::Passed);
        let Some(next) = open else {
            println!("you have passed every exercise of this book");
            return Ok(true);
        };
        let Exercise { name, text, .. } = next;
        println!(
            "{name}: {} ({} lane, about {} minutes)",
            text.title, text.lane, text.minutes
        );
        println!("  {}", text.goal.trim());
        println!("  read  {}", text.page);
        match self.progress.reached(name) {
            Reached::Started => println!("  go on: cargo book exercise check {name}"),
            _ => println!("  begin: cargo book exercise start {name}"),
        }
        Ok(true)
    }

    fn hint(&self, name: Option<&str>) -> Result<bool> {
        let exercise = self.begun(name)?;
        let name = &exercise.name;
        let mut memory = self.progress.memory(name);
        let mut told = false;
        if !memory.steps.is_empty() {
            if memory.of != progress::hash(&self.progress.work(name)) {
                println!("your files have changed since the last check: cargo book exercise check {name}");
            }
            // The nearest: behind it the others may be gone.
            if let Some(state) = check::state_hints(exercise, &memory.steps).first() {
                println!("what the last check saw: {}", paragraph(&state.hint));
                told = true;
            }
        } else {
            println!("a check sees more than a hint knows: cargo book exercise check {name}");
        }
        match exercise.text.hints.get(memory.hints) {
            Some(hint) => {
                memory.hints += 1;
                println!("hint {} of {HINTS}: {}", memory.hints, paragraph(hint));
                self.progress.remember(name, &memory)?;
            }
            None => {
                for (i, hint) in exercise.text.hints.iter().enumerate() {
                    println!("hint {} of {HINTS}: {}", i + 1, paragraph(hint));
                }
                if !told {
                    println!("there are no more; the solution is on {}", exercise.text.page);
                }
            }
        }
        Ok(true)
    }

    fn check(mut self, name: Option<&str>) -> Result<bool> {
        let exercise = self.begun(name)?.clone();
        let bench = Bench::prepare(&self.book, &exercise)?;
        let look = self.look(&exercise, &bench)?;
        Ok(look.passed)
    }

    fn watch(mut self, name: Option<&str>) -> Result<bool> {
        let exercise = self.begun(name)?.clone();
        let folder = self.progress.work(&exercise.name);
        let bench = Bench::prepare(&self.book, &exercise)?;
        let (send, changes) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_err() || event.is_ok_and(|e| !matches!(e.kind, EventKind::Access(_))) {
                let _ = send.send(());
            }
        })?;
        watcher.watch(&folder, RecursiveMode::Recursive).with_context(|| {
            format!(
                "{} cannot be watched\n  fix: raise the system's limit of watches",
                folder.display()
            )
        })?;
        loop {
            let of = progress::hash(&folder);
            self.look(&exercise, &bench)?;
            println!("waiting for you to save; Ctrl-C ends this");
            while progress::hash(&folder) == of {
                changes.recv().context("the folder is watched no more")?;
                // An editor may write in several steps.
                while changes.recv_timeout(Duration::from_millis(100)).is_ok() {}
            }
        }
    }

    /// Looks once, says what was seen and keeps it.
    fn look(&mut self, exercise: &Exercise, bench: &Bench) -> Result<Look> {
        let name = &exercise.name;
        let folder = self.progress.work(name);
        println!("checking my-exercises/{name} ({} lane)", exercise.text.lane);
        let of = progress::hash(&folder);
        let program = &bench.programs[name];
        let target = check::exercises_target(&self.book.root);
        let look = check::look(&self.book, exercise, program, &folder, &target, &bench.id, &|step| {
            // What is only noted is for hints, unless it is short.
            if step.holds.is_some() || !step.seen.contains('\n') && step.seen.len() < 80 {
                println!("  {}", check::line(step));
            }
        })?;
        let mut memory = self.progress.memory(name);
        memory.steps.clone_from(&look.steps);
        memory.of = of;
        self.progress.remember(name, &memory)?;
        if look.passed {
            self.progress.set(name, Reached::Passed)?;
            println!("passed: {}", paragraph(&exercise.text.closing));
            println!("  next: cargo book exercise next");
        } else if let Some(first) = look.first_failure() {
            println!("not yet: {}", check::line(first).trim_start_matches("✗ "));
            println!("  fix: {}", first.fix);
            println!("  or:  cargo book exercise hint {name}");
        } else {
            println!("the check broke off by itself:\n{}", look.output.trim_end());
            println!("  fix: this is the book's fault and not yours; cargo book exercise check {name} tries again");
        }
        Ok(look)
    }
}

/// What looking at a folder needs, once.
struct Bench {
    id: String,
    programs: Programs,
    _lock: std::fs::File,
    work: PathBuf,
    engine: bool,
}

impl Bench {
    fn prepare(book: &Book, exercise: &Exercise) -> Result<Bench> {
        let lane = exercise.text.lane;
        if let Some(why) = lanes::missing(&book.root, lane) {
            bail!(
                "nothing was checked: {} needs the {lane} lane, and this machine has {why}\n  fix: cargo book setup --lane {lane}",
                exercise.name
            );
        }
        let work = book.root.work();
        std::fs::create_dir_all(&work)?;
        let lock = std::fs::File::create(work.join("lock"))?;
        if lock.try_lock().is_err() {
            bail!("another check, or `cargo book test`, is running in this folder\n  fix: wait until it has ended");
        }
        let programs = check::build(book, &check::lanes_here(book), &[exercise])?;
        let id = format!("exercise-{}", std::process::id());
        let engine = lane >= Lane::Docker;
        if engine {
            // Its end is ours: what other programs begin meanwhile is nothing to a reader.
            leftovers::Watch::begin(&work, &id)?;
        }
        let (place, own) = (work.clone(), id.clone());
        crate::run::end_at_signal(&work, move || {
            if engine {
                leftovers::end(&place, &own);
            }
        })?;
        Ok(Bench {
            id,
            programs,
            _lock: lock,
            work,
            engine,
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self.engine {
            leftovers::end(&self.work, &self.id);
        }
    }
}

fn say_task(exercise: &Exercise) {
    let Exercise { name, text, .. } = exercise;
    println!("{}: {}", text.title, text.goal.trim());
    for line in &text.task {
        println!("  - {}", paragraph(line));
    }
    for file in &text.open {
        println!("open   my-exercises/{name}/{file}");
    }
    println!("check  cargo book exercise check");
    println!("hint   cargo book exercise hint");
}

/// Asks on a terminal; elsewhere nobody says yes.
fn ask(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A text that was broken into lines for its file, as one.
fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
