//! The diagram library that the site ships, and what it says of a diagram.
//!
//! `mermaid.min.js` is the file in the package of mdbook-mermaid that this tool is built with (see `build.rs`). A check
//! runs that very file in QuickJS, so a machine needs neither a browser nor Node to know that a diagram parses.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use mdbook_preprocessor::PreprocessorContext;
use mdbook_preprocessor::book::Book;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Promise, Runtime, Value};
use serde::Deserialize;

/// The library's name in a site's root.
pub const FILE: &str = "mermaid.min.js";

/// What mdbook-mermaid makes of a diagram begins with this.
pub const MARK: &str = "<pre class=\"mermaid\">";

/// The library. A site ships exactly these bytes.
static LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/mermaid.min.js"));

/// What a browser gives the library, as far as parsing asks for it.
static STUB: &str = include_str!("mermaid_stub.js");

/// The package that the library is from: `mdbook-mermaid 0.17.1`.
pub const FROM: &str = env!("MERMAID_FROM");

/// The deepest call that a diagram may need, in bytes of stack; the thread has more.
const STACK: usize = 16 << 20;

/// How long one diagram may take. Parsing takes milliseconds; a loop in a parser must not hold a run.
const BUDGET: Duration = Duration::from_secs(20);

/// What is wrong with a diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1 at the diagram's first.
    pub line: usize,
    /// What the library says.
    pub message: String,
}

/// The library's text.
pub fn library() -> &'static str {
    LIBRARY
}

/// Writes the library.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path) -> Result<()> {
    std::fs::write(path, LIBRARY).with_context(|| format!("{} cannot be written", path.display()))
}

/// For stock mdBook, which copies what lies in the folder of pages: puts the library there when a page has a diagram.
///
/// # Errors
///
/// When the file cannot be written.
pub fn provide_for(context: &PreprocessorContext, book: &Book) -> Result<()> {
    if !book.chapters().any(|chapter| chapter.content.contains(MARK)) {
        return Ok(());
    }
    let path = context.root.join(&context.config.book.src).join(FILE);
    // Only when it differs: mdBook's watcher would build again on each write.
    if std::fs::read(&path).is_ok_and(|there| there == LIBRARY.as_bytes()) {
        return Ok(());
    }
    write(&path)
}

/// Parses diagrams, each a label and a text: `None` for one that parses. In the same order.
///
/// # Errors
///
/// When the library does not load, or a diagram takes longer than 20 s.
pub fn check(diagrams: &[(String, String)]) -> Result<Vec<Option<Problem>>> {
    if diagrams.is_empty() {
        return Ok(Vec::new());
    }
    let diagrams = diagrams.to_vec();
    // Parsers recurse; a thread's stack can be chosen, a test's or a caller's cannot.
    std::thread::Builder::new()
        .name("mermaid".into())
        .stack_size(2 * STACK)
        .spawn(move || parse_all(&diagrams))?
        .join()
        .map_err(|_| anyhow!("the thread that parses diagrams panicked"))?
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    message: String,
    #[serde(default)]
    line: usize,
}

fn parse_all(diagrams: &[(String, String)]) -> Result<Vec<Option<Problem>>> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    let deadline = std::rc::Rc::new(std::cell::Cell::new(Instant::now() + BUDGET));
    let until = deadline.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() > until.get())));
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        for (what, text) in [("the stub of a browser", STUB), ("the mermaid library", LIBRARY)] {
            run(&ctx, text).with_context(|| format!("{what} does not load in QuickJS"))?;
        }
        let check: Function = ctx.globals().get("checkDiagram")?;
        let mut problems = Vec::with_capacity(diagrams.len());
        for (label, text) in diagrams {
            deadline.set(Instant::now() + BUDGET);
            let answer = ask(&ctx, &check, text).with_context(|| {
                format!("{label}: the diagram cannot be checked\n  fix: make it smaller, or say where it hangs")
            })?;
            problems.push(if answer.ok {
                None
            } else {
                Some(Problem {
                    line: answer.line.clamp(1, text.lines().count().max(1)),
                    message: answer.message,
                })
            });
        }
        Ok(problems)
    })
}

fn run(ctx: &Ctx<'_>, text: &str) -> Result<()> {
    ctx.eval::<Value<'_>, _>(text)
        .catch(ctx)
        .map(|_| ())
        .map_err(|error| anyhow!("{error}"))
}

fn ask<'js>(ctx: &Ctx<'js>, check: &Function<'js>, text: &str) -> Result<Answer> {
    let promise: Promise<'js> = check.call((text,)).catch(ctx).map_err(|error| anyhow!("{error}"))?;
    let json: String = promise.finish().catch(ctx).map_err(|error| anyhow!("{error}"))?;
    let answer: Answer = serde_json::from_str(&json)?;
    if !answer.ok && answer.message.is_empty() {
        bail!("the library refused it without a word");
    }
    Ok(answer)
}

#[cfg(test)]
#[path = "mermaid_tests.rs"]
mod tests;
