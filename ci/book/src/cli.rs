//! The command line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};

use crate::config::find_root;
use crate::lanes;
use crate::model::{Lane, Status, Verdict};
use crate::run::{self, Book, Options};
use crate::{exercise, new, preprocess, publish, site};

/// Reads, changes and proves this book.
#[derive(Parser, Debug)]
#[command(
    name = "cargo book",
    bin_name = "cargo book",
    version,
    after_help = "\
Examples:
  cargo book serve                     read the book; it reloads when you change it
  cargo book test                      prove what this machine can prove
  cargo book test --all                set up what is missing, then prove everything
  cargo book test src/preface.md       prove one page
  cargo book doctor                    what works here, and how to mend what does not
  cargo book exercise next             what to do next, and how to begin

Exit codes: 0 all that had to hold holds, 1 a check failed, 2 wrong use or missing set-up."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Build the book and serve it; rebuild and reload on change. Needs Rust alone.
    #[command(after_help = "Example: cargo book serve --open --port 4000")]
    Serve {
        /// TCP port.
        #[arg(short, long, default_value_t = 3000)]
        port: u16,
        /// Address to listen on.
        #[arg(short = 'n', long, default_value = "127.0.0.1")]
        hostname: String,
        /// Open the browser.
        #[arg(short, long)]
        open: bool,
    },
    /// Write the static site, with the evidence in it.
    #[command(after_help = "\
Examples:
  cargo book build -d /tmp/site
  cargo book build --epub cloud-native-rust.epub
  cargo book build --url https://example.org/cloud-native-rust/")]
    Build {
        /// Folder to write; replaced as a whole.
        #[arg(short, long)]
        dest_dir: Option<PathBuf>,
        /// The address that readers will find the site under: it then has canonical links, a sitemap and a card.
        #[arg(long)]
        url: Option<String>,
        /// Also write the book as an EPUB. Diagrams are drawn by Chromium.
        #[arg(long, value_name = "FILE")]
        epub: Option<PathBuf>,
    },
    /// Run the checks whose inputs have changed, and say what would mislead a reader.
    #[command(after_help = "\
Examples:
  cargo book test --lane offline       only what needs Rust alone
  cargo book test --lane browser       only what a browser sees of the pages
  cargo book test --changed            only what git says you have changed
  cargo book test --bless minimal      rewrite captured outputs of what matches `minimal`
  cargo book test --shard 2/4          the second quarter, for one of four machines")]
    Test(TestArgs),
    /// Say of every block what is known. Runs nothing.
    #[command(after_help = "\
Example: cargo book status --json | jq .summary.all

Ends with 0 whatever is known, with 1 when a page's text is wrong, so that blocks are missing here. With --merge, ends
with 0 only if every block is verified or exempt and every job has evidence that holds.")]
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Take over the evidence of other runs first: folders that `cargo book test` wrote (target/book).
        #[arg(long, value_name = "DIR", num_args = 1..)]
        merge: Vec<PathBuf>,
    },
    /// Say which lanes work on this machine, and print the command that mends each that does not.
    Doctor {
        /// Only this lane.
        #[arg(short, long)]
        lane: Vec<Lane>,
    },
    /// Prepare the lanes: tools, a Docker engine, images, a kind cluster, a browser. Asks first on a terminal.
    #[command(after_help = "\
Examples:
  cargo book setup --lane docker --yes
  cargo book setup --image rabbitmq:4-management
  cargo book setup --lane kind         also the cluster, with a kubeconfig of its own
  cargo book setup --down              remove the cluster and its kubeconfig")]
    Setup {
        /// Only this lane.
        #[arg(short, long)]
        lane: Vec<Lane>,
        /// Bring this image of docker/images.toml too, which no lane needs by itself; may be given more than once.
        #[arg(short, long, value_name = "NAME")]
        image: Vec<String>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Remove the kind cluster and its kubeconfig. Tools, engine and images stay.
        #[arg(long, conflicts_with_all = ["lane", "yes"])]
        down: bool,
    },
    /// Build the labs' WebAssembly from the crates that pages print.
    Lab {
        #[command(subcommand)]
        what: Lab,
    },
    /// Do the exercises of the book: list, start, check, hint, reset, next, watch.
    Exercise {
        #[command(subcommand)]
        what: exercise::cli::What,
    },
    /// Start something new.
    New {
        #[command(subcommand)]
        what: New,
    },
    /// Be the preprocessor of stock mdBook.
    #[command(hide = true)]
    Preprocess {
        #[command(subcommand)]
        supports: Option<Supports>,
    },
}

#[derive(Subcommand, Debug)]
enum Supports {
    Supports { renderer: String },
}

#[derive(Subcommand, Debug)]
enum New {
    /// A page with a listing, its test and its place in the summary.
    #[command(after_help = "Example: cargo book new page 21-containerization/health-checks \"Health checks\"")]
    Page {
        /// Module folder and file name, without `.md`.
        path: String,
        /// The page's title.
        title: String,
    },
}

#[derive(Subcommand, Debug)]
enum Lab {
    /// Build labs by the one recipe, and write theme/labs.
    #[command(after_help = "Example: cargo book lab build layer-cache")]
    Build {
        /// The labs' packages.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Bring a compiler for WebAssembly from Debian's packages, where rustup has none.
    Fetch,
}

#[derive(Args, Debug)]
struct TestArgs {
    /// Only this lane; may be given more than once.
    #[arg(short, long)]
    lane: Vec<Lane>,
    /// Set up what is missing (asks first on a terminal) and run every lane.
    #[arg(short, long)]
    all: bool,
    /// Only what git says has changed.
    #[arg(short, long)]
    changed: bool,
    /// Rewrite captured outputs, facts and console outputs with what is observed now.
    #[arg(long)]
    bless: bool,
    /// Run also what has not changed.
    #[arg(long)]
    again: bool,
    /// Only the I-th of N parts.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Part of a page's, a listing's or a package's name.
    pattern: Option<String>,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('/')
        .and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if 1 <= i && i <= n => Ok((i, n)),
        _ => Err("write I/N with 1 ≤ I ≤ N, as in 2/4".into()),
    }
}

/// Runs the command line. 0, 1 or 2, as `--help` says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> Result<bool> {
    match command {
        Command::Serve { port, hostname, open } => serve(port, &hostname, open),
        Command::Build { dest_dir, url, epub } => {
            let options = site::finish::Options {
                url: url.as_deref().map(site::finish::site_url).transpose()?,
                live: false,
            };
            let book = Book::read(find_root()?)?;
            if !book.pages.findings.is_empty() {
                return Ok(print_findings(&book));
            }
            let dest = dest_dir.unwrap_or_else(|| publish::default_dest(&book));
            let found = publish::check(&book, &dest, &options)?;
            for finding in &found {
                println!("{finding}");
            }
            println!("wrote {}", dest.join("index.html").display());
            if let Some(file) = epub {
                let made = publish::epub(&book, &dest, &file)?;
                println!("wrote {}: {made}", file.display());
            }
            Ok(found.is_empty())
        }
        Command::Test(args) => test(args),
        Command::Status { json, merge } => status(json, &merge),
        Command::Doctor { lane } => {
            let book = Book::read(find_root()?)?;
            let lanes = if lane.is_empty() { used_lanes(&book) } else { lane };
            Ok(lanes::print_doctor(&book.root, &lanes))
        }
        Command::Setup { down: true, .. } => {
            // Works also where the pages do not read.
            let removed = lanes::down(&find_root()?)?;
            match removed.is_empty() {
                true => eprintln!("nothing to remove"),
                false => eprintln!("removed: {}", removed.join(", ")),
            }
            Ok(true)
        }
        Command::Setup {
            lane,
            image,
            yes,
            down: false,
        } => {
            let book = Book::read(find_root()?)?;
            let mut lanes = match lane.is_empty() {
                false => lane,
                true if image.is_empty() => used_lanes(&book),
                // Who asks for an image alone wants that, and the engine that holds it.
                true => Vec::new(),
            };
            for lane in lanes::of_images(&book.root, &image)? {
                if !lanes.contains(&lane) {
                    lanes.push(lane);
                }
            }
            setup(&book, &lanes, &image, yes)?;
            Ok(true)
        }
        Command::Lab { what } => lab(&what),
        Command::New {
            what: New::Page { path, title },
        } => {
            let root = find_root()?;
            let config = crate::config::Config::load(&root).map_err(|f| anyhow::anyhow!("{f}"))?;
            for file in new::page(&root, &config, &path, &title)? {
                println!("wrote {file}");
            }
            println!("next: cargo book test --bless {path}");
            Ok(true)
        }
        Command::Exercise { what } => exercise::cli::run(what),
        Command::Preprocess { supports } => stock(supports),
    }
}

fn lab(what: &Lab) -> Result<bool> {
    let root = find_root()?;
    match what {
        Lab::Fetch => crate::lab::fetch(&root)?,
        Lab::Build { names } => {
            let config = crate::config::Config::load(&root).map_err(|f| anyhow::anyhow!("{f}"))?;
            for name in names {
                let made = crate::lab::build(&root, &config, name)?;
                let (bytes, gzip) = (made.bytes, made.gzip);
                println!("wrote {}: {bytes} bytes, {gzip} with gzip", crate::lab::path(name));
            }
        }
    }
    Ok(true)
}

/// The lanes that the book's blocks and tests need.
fn used_lanes(book: &Book) -> Vec<Lane> {
    let mut hashes = crate::evidence::Hashes::new(&book.root);
    let mut lanes: Vec<Lane> = book.jobs(&mut hashes).iter().map(|j| j.lane).collect();
    lanes.sort();
    lanes.dedup();
    lanes
}

fn print_findings(book: &Book) -> bool {
    for finding in &book.pages.findings {
        println!("{finding}");
    }
    book.pages.findings.is_empty()
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true" || v == "1")
}

fn setup(book: &Book, lanes: &[Lane], images: &[String], yes: bool) -> Result<()> {
    let steps = lanes::plan(&book.root, lanes, images)?;
    if steps.is_empty() {
        eprintln!("nothing to set up: every lane is ready");
        return Ok(());
    }
    let asks = !yes && !in_ci() && std::io::stdin().is_terminal();
    if asks {
        eprintln!("This will, on this machine:");
        for step in &steps {
            eprintln!("  - {}", step.title);
        }
    }
    for cost in book_setup::costs(&steps) {
        eprintln!("{cost}");
    }
    if asks {
        eprint!("Go on? [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            bail!("nothing was changed\n  fix: answer y, or run `cargo book setup --yes`");
        }
    }
    lanes::set_up(&book.root, &steps)
}

fn test(args: TestArgs) -> Result<bool> {
    let book = Book::read(find_root()?)?;
    let ci = in_ci();
    if args.all {
        setup(&book, &used_lanes(&book), &[], false)?;
    }
    let options = Options {
        lanes: args.lane.clone(),
        required: ci || args.all || !args.lane.is_empty(),
        changed: args.changed,
        bless: args.bless,
        pattern: args.pattern,
        shard: args.shard,
        again: args.again,
    };
    let outcome = run::test(&book, &options)?;
    outcome.print();
    if options.required && !outcome.missing.is_empty() {
        let lanes: Vec<&str> = outcome.missing.keys().map(|l| l.word()).collect();
        eprintln!(
            "error: the {} lane had to run and could not\n  fix: cargo book setup",
            lanes.join(" and the ")
        );
    }
    Ok(outcome.holds(options.required))
}

fn status(json: bool, merge: &[PathBuf]) -> Result<bool> {
    let book = Book::read(find_root()?)?;
    if !merge.is_empty() {
        let taken = run::merge(&book, merge)?;
        eprintln!("took over {}", run::plural(taken, "record"));
    }
    let report = book.report();
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for row in &report.blocks {
            let what = row.listing.as_deref().unwrap_or(&row.origin);
            let reason = if row.reason.is_empty() {
                String::new()
            } else {
                format!(" — {}", row.reason)
            };
            println!(
                "{:<9} {}:{} {} {what}{reason}",
                row.verdict.word(),
                row.page,
                row.line,
                row.lang
            );
        }
        for (name, totals) in [("all", &report.summary.all)].into_iter().chain(
            report
                .summary
                .languages
                .iter()
                .map(|(name, totals)| (name.as_str(), totals)),
        ) {
            let parts: Vec<String> = totals
                .by_verdict
                .iter()
                .map(|(word, n)| format!("{n} {word}"))
                .collect();
            println!("{name}: {} — {}", run::plural(totals.blocks, "block"), parts.join(", "));
        }
        if let Some(looked) = &report.summary.browser {
            println!("browser: {looked}");
        }
    }
    // What is wrong with the text is in no row above: a block that does not read is no block.
    for finding in &report.findings {
        eprintln!("{finding}");
    }
    if merge.is_empty() {
        return Ok(report.findings.is_empty());
    }
    // Merged evidence is the verdict over a whole book: everything has to hold, also what no block shows.
    let open = book.open_jobs();
    for job in &open {
        eprintln!("no evidence that holds: {job}");
    }
    let proven = |row: &Status| matches!(row.verdict, Verdict::Verified | Verdict::Exempt);
    Ok(open.is_empty() && report.findings.is_empty() && report.blocks.iter().all(proven))
}

fn serve(port: u16, hostname: &str, open: bool) -> Result<bool> {
    let root = find_root()?;
    let dest = root.work().join("serve");
    let rebuild = {
        let root = root.clone();
        move || {
            let book = Book::read(root.clone())?;
            if !book.pages.findings.is_empty() {
                let said: Vec<String> = book.pages.findings.iter().map(ToString::to_string).collect();
                bail!("{}", said.join("\n"));
            }
            let options = site::finish::Options {
                live: true,
                ..Default::default()
            };
            publish::site(&book, &dest, &options)?;
            Ok(dest.clone())
        }
    };
    site::serve::serve(&root.path, port, hostname, open, rebuild)?;
    Ok(true)
}

fn stock(supports: Option<Supports>) -> Result<bool> {
    use mdbook_preprocessor::Preprocessor;
    if let Some(Supports::Supports { renderer }) = supports {
        return Ok(renderer == "html");
    }
    let (context, book) = mdbook_preprocessor::parse_input(std::io::stdin())?;
    let book = preprocess::Proven.run(&context, book)?;
    site::mermaid::provide_for(&context, &book)?;
    serde_json::to_writer(std::io::stdout(), &book)?;
    Ok(true)
}
