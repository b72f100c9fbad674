//! Which jobs run, in what order, and what their records say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::evidence::{Checked, Hashes, Record, Store, now, sha256};
use crate::formats;
use crate::job::{Job, Kind, block_hash, console_lane};
use crate::lanes;
use crate::model::{Block, BlockResult, Finding, Lane, Origin, Root, Status, Verdict};
use crate::page::{self, Pages};
use crate::run::{browser, cluster, console, leftovers, snippets, tests};
use crate::status::{Knowledge, Report};
use crate::widgets::quiz;
use crate::workspace::{Package, Workspace, settle};

/// What `cargo book test` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these lanes; empty: every lane that this machine can run.
    pub lanes: Vec<Lane>,
    /// A lane that is missing is a failure.
    pub required: bool,
    /// Only jobs with an input that git says has changed.
    pub changed: bool,
    /// Rewrite captured files and console outputs.
    pub bless: bool,
    /// Only jobs whose name, page or listing holds this text.
    pub pattern: Option<String>,
    /// Only every N-th job, from the I-th on (I counts from 1).
    pub shard: Option<(usize, usize)>,
    /// Run also what has not changed.
    pub again: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// All findings, sorted by page and line.
    pub findings: Vec<Finding>,
    /// What could not be run, by lane, with the reason.
    pub missing: BTreeMap<Lane, String>,
    /// The blocks as they stand now.
    pub report: Report,
    /// How many jobs ran, and how many had not changed.
    pub jobs: (usize, usize),
}

/// A book that has been read.
#[derive(Debug)]
pub struct Book {
    /// Where it lies.
    pub root: Root,
    /// Its settings.
    pub config: Config,
    /// Its pages.
    pub pages: Pages,
    /// Its packages.
    pub workspace: Workspace,
}

impl Book {
    /// Reads `book.toml`, the pages and the workspace.
    pub fn read(root: Root) -> Result<Book> {
        let config = Config::load(&root).map_err(|finding| anyhow::anyhow!("{finding}"))?;
        let pages = page::load(&root, &config);
        let workspace = Workspace::load(&root, &config)?;
        Ok(Book {
            root,
            config,
            pages,
            workspace,
        })
    }

    /// The jobs of the book.
    pub fn jobs(&self, hashes: &mut Hashes) -> Vec<Job> {
        crate::job::plan(&self.root, &self.config, &self.pages, &self.workspace, hashes)
    }

    /// What is known of every block. Runs nothing.
    pub fn report(&self) -> Report {
        let mut hashes = Hashes::new(&self.root);
        let jobs = self.jobs(&mut hashes);
        let store = Store::of(&self.root);
        let knowledge = Knowledge::gather(&self.pages, &self.workspace, &jobs, &store, &mut hashes);
        let looked = knowledge.looked();
        Report::of(knowledge.rows(), &self.config.src, self.pages.findings.clone()).with_browser(looked)
    }

    /// Jobs without evidence that holds for the files as they are.
    pub fn open_jobs(&self) -> Vec<String> {
        let mut hashes = Hashes::new(&self.root);
        let jobs = self.jobs(&mut hashes);
        let store = Store::of(&self.root);
        let knowledge = Knowledge::gather(&self.pages, &self.workspace, &jobs, &store, &mut hashes);
        let open = jobs.iter().filter(|job| !knowledge.has_passed(job));
        open.map(|job| job.id.clone()).collect()
    }
}

struct Runner<'a> {
    book: &'a Book,
    options: &'a Options,
    store: &'a Store,
    id: &'a str,
    /// What sessions left on the engine.
    left: BTreeSet<leftovers::Thing>,
    /// What they left on the cluster.
    left_there: BTreeSet<cluster::Thing>,
    /// The lanes that are built for; empty: not asked yet.
    lanes: BTreeSet<Lane>,
    findings: Vec<Finding>,
    ran: usize,
}

/// Where a session is on the cluster.
struct There {
    cluster: cluster::Cluster,
    before: BTreeSet<cluster::Thing>,
    names: cluster::Names,
    ground: cluster::Ground,
}

/// What one way through the jobs gave.
#[derive(Default)]
struct Pass {
    findings: Vec<Finding>,
    missing: BTreeMap<Lane, String>,
    selected: BTreeSet<String>,
    ran: usize,
    kept: usize,
}

/// Runs what was asked for.
pub fn test(book: &Book, options: &Options) -> Result<Outcome> {
    let work = book.root.work();
    std::fs::create_dir_all(&work)?;
    let lock = std::fs::File::create(work.join("lock"))?;
    if lock.try_lock().is_err() {
        bail!("another `cargo book test` is running in this folder\n  fix: wait until it has ended");
    }
    let place = work.clone();
    super::end_at_signal(&work, move || leftovers::clear(&place))?;
    let store = Store::of(&book.root);
    store.sweep();
    // A run that was killed left its own behind.
    let scratch = book.root.scratch();
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    settle(&book.root);
    let ran = run_jobs(book, options, &store);
    super::go_on();
    let mut pass = ran?;
    // What was rewritten is another text now: it is read and proven like any other.
    let again;
    let book = if options.bless {
        again = Book::read(book.root.clone())?;
        let options = Options {
            bless: false,
            again: false,
            ..options.clone()
        };
        let second = run_jobs(&again, &options, &store)?;
        let left = pass
            .findings
            .into_iter()
            .filter(|f| [leftovers::PLACE, cluster::PLACE].contains(&f.page.as_str()));
        pass = Pass {
            findings: left.chain(second.findings).collect(),
            missing: pass.missing.into_iter().chain(second.missing).collect(),
            selected: second.selected,
            ran: pass.ran + second.ran,
            kept: pass.kept,
        };
        &again
    } else {
        book
    };
    // As the files are now: a test or an editor may have changed them meanwhile.
    let mut hashes = Hashes::new(&book.root);
    let jobs = book.jobs(&mut hashes);
    let knowledge = Knowledge::gather(&book.pages, &book.workspace, &jobs, &store, &mut hashes);
    let rows = knowledge.rows();
    let mut found = pass.findings;
    found.extend(book.pages.findings.clone());
    let all = options.pattern.is_none() && !options.changed;
    // Behind a test that failed, that nothing is proven is no news.
    let gaps: Vec<Finding> = knowledge
        .gaps(&rows)
        .into_iter()
        .filter(|gap| all || selects(book, options, &pass.selected, gap))
        .filter(|gap| !is_named(&found, &gap.page, gap.line))
        .collect();
    found.extend(gaps);
    let whole = all && options.shard.is_none();
    let open = unproven(&rows, &found, |row| {
        let asked = options.lanes.is_empty() || options.lanes.contains(&row.lane);
        let possible = !pass.missing.contains_key(&row.lane);
        let due = match row.verdict {
            Verdict::Failed => whole,
            _ => whole && options.required,
        };
        asked && possible && due
    });
    found.extend(open);
    found.sort();
    found.dedup();
    Ok(Outcome {
        findings: found,
        missing: pass.missing,
        report: Report::of(rows, &book.config.src, book.pages.findings.clone()).with_browser(knowledge.looked()),
        jobs: (pass.ran, pass.kept),
    })
}

/// Blocks that had to be proven and are not, where nothing else says so.
fn unproven(rows: &[Status], found: &[Finding], due: impl Fn(&Status) -> bool) -> Vec<Finding> {
    rows.iter()
        .filter(|row| !matches!(row.verdict, Verdict::Verified | Verdict::Exempt))
        .filter(|row| due(row) && !is_named(found, &row.page, row.line))
        .map(|row| {
            let what = format!("{}: {}", row.verdict.word(), row.reason);
            Finding::new(&row.page, row.line, what, format!("cargo book test {}", row.page))
        })
        .collect()
}

/// Whether some finding speaks of a place.
fn is_named(found: &[Finding], page: &str, line: usize) -> bool {
    let place = format!("{page}:{line}");
    found
        .iter()
        .any(|f| (f.page == page && f.line == line) || holds_word(&f.what, &place))
}

/// Whether a text holds a place, and not only the beginning of one: `a.md:1` in `a.md:12`.
fn holds_word(text: &str, place: &str) -> bool {
    text.match_indices(place)
        .any(|(at, _)| !text[at + place.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

/// Runs the jobs that were asked for and that have no evidence.
fn run_jobs(book: &Book, options: &Options, store: &Store) -> Result<Pass> {
    let mut hashes = Hashes::new(&book.root);
    let jobs = book.jobs(&mut hashes);
    store.keep_only(&jobs.iter().map(|j| j.id.clone()).collect());
    let wanted = select(book, options, &jobs, store)?;
    let mut pass = Pass {
        selected: wanted.iter().map(|j| j.id.clone()).collect(),
        ..Pass::default()
    };
    let mut todo: Vec<&Job> = Vec::new();
    let knowledge = Knowledge::gather(&book.pages, &book.workspace, &jobs, store, &mut hashes);
    let mut lanes: BTreeMap<Lane, Option<String>> = BTreeMap::new();
    for job in wanted {
        if knowledge.has_passed(job) && !options.again && !options.bless {
            pass.kept += 1;
            continue;
        }
        let why = lanes
            .entry(job.lane)
            .or_insert_with(|| lanes::missing(&book.root, job.lane));
        match why {
            Some(why) => {
                pass.missing.insert(job.lane, why.clone());
            }
            None => todo.push(job),
        }
    }
    // A lane that was asked for by name, or that must be there, is no bonus.
    for lane in &options.lanes {
        if jobs.iter().any(|j| j.lane == *lane)
            && let Some(why) = lanes::missing(&book.root, *lane)
        {
            pass.missing.insert(*lane, why);
        }
    }
    let id = format!("{}-{}", std::process::id(), &sha256(now().as_bytes())[..8]);
    let mut runner = Runner {
        book,
        options,
        store,
        id: &id,
        left: BTreeSet::new(),
        left_there: BTreeSet::new(),
        lanes: BTreeSet::new(),
        findings: Vec::new(),
        ran: 0,
    };
    let uses_docker = todo.iter().any(|j| j.lane.has_engine());
    let watch = uses_docker
        .then(|| leftovers::Watch::begin(&book.root.work(), &id))
        .transpose()?;
    let done = runner.all(&todo);
    super::go_on();
    if let Some(watch) = watch {
        let left = watch.end(&runner.left);
        // The reason why the run stopped is printed instead of its findings.
        if done.is_err() {
            left.iter().for_each(|finding| eprintln!("{finding}"));
        }
        runner.findings.extend(left);
    }
    done?;
    pass.findings = runner.findings;
    pass.ran = runner.ran;
    Ok(pass)
}

/// Whether a gap belongs to what was asked for.
fn selects(book: &Book, options: &Options, jobs: &BTreeSet<String>, gap: &Finding) -> bool {
    if let Some(pattern) = &options.pattern
        && gap.page.contains(pattern.as_str())
    {
        return true;
    }
    let block = book.pages.blocks().find(|b| b.page == gap.page && b.line == gap.line);
    let facts = book.pages.pages.iter().filter(|p| p.path == gap.page);
    let fact = facts.flat_map(|p| &p.facts).find(|f| f.0 == gap.line);
    let path = block
        .and_then(|b| b.origin.file())
        .map(|f| &f.path)
        .or(fact.map(|f| &f.1));
    let package = path.and_then(|path| book.workspace.package_of(path));
    package.is_some_and(|p| jobs.iter().any(|id| id.starts_with(&format!("test:{}:", p.name))))
}

fn select<'a>(book: &Book, options: &Options, jobs: &'a [Job], store: &Store) -> Result<Vec<&'a Job>> {
    let changed = options.changed.then(|| git_changed(&book.root)).transpose()?;
    let shown = book.pages.shown();
    let chosen: Vec<&Job> = jobs
        .iter()
        .filter(|job| options.lanes.is_empty() || options.lanes.contains(&job.lane))
        .filter(|job| {
            options.pattern.as_deref().is_none_or(|pattern| {
                job.id.contains(pattern)
                    || job.page().is_some_and(|page| page.contains(pattern))
                    || job.inputs.keys().any(|path| !path.starts_with('=') && path.contains(pattern) && !matches!(job.kind, Kind::Site | Kind::BrowserSite))
                    // A file that is still to be captured is none yet, but its package is there.
                    || dir_of(book, job).is_some_and(|dir| !dir.is_empty() && Path::new(pattern).starts_with(dir))
                    // A page's listings are proven by the tests of their packages.
                    || job.package().is_some_and(|name| {
                        shown.iter().any(|(path, blocks)| {
                            book.workspace.package_of(path).is_some_and(|p| p.name == name)
                                && blocks.iter().any(|b| b.page.contains(pattern))
                        })
                    })
            })
        })
        .filter(|job| {
            changed
                .as_ref()
                .is_none_or(|changed| concerns(book, job, store, changed))
        })
        .collect();
    // A page of which no block reads has no job, and its findings are what was asked for.
    if let Some(pattern) = &options.pattern
        && chosen.is_empty()
        && !book.pages.pages.iter().any(|p| p.path.contains(pattern))
        && !book.pages.findings.iter().any(|f| f.page.contains(pattern))
    {
        bail!(
            "nothing matches `{pattern}`\n  fix: name a part of a page, a listing or a package; `cargo book status` lists them"
        );
    }
    Ok(match options.shard {
        // By turns within the sorted names: neighbours, which cost alike, go to different machines.
        Some((index, count)) => {
            let mut names: Vec<&str> = chosen.iter().map(|j| j.id.as_str()).collect();
            names.sort_unstable();
            let mine: BTreeSet<&str> = names.into_iter().skip(index - 1).step_by(count).collect();
            chosen.into_iter().filter(|j| mine.contains(j.id.as_str())).collect()
        }
        None => chosen,
    })
}

/// The folder of the package that a job tests.
fn dir_of<'a>(book: &'a Book, job: &Job) -> Option<&'a str> {
    let package = book.workspace.packages.get(job.package()?)?;
    Some(&package.dir)
}

/// Whether a change concerns a job: one of its inputs, one of the inputs that it had (a file that was deleted is none
/// any more), or anything in its package.
fn concerns(book: &Book, job: &Job, store: &Store, changed: &BTreeSet<String>) -> bool {
    let record = store.read(&job.id);
    let then = record.iter().flat_map(|r| r.inputs.keys());
    let used = record.iter().flat_map(|r| r.uses.iter().map(|u| &u.path));
    job.inputs
        .keys()
        .chain(then)
        .chain(used)
        .any(|path| changed.contains(path))
        || job.page().is_some_and(|page| changed.contains(page))
        || dir_of(book, job).is_some_and(|dir| changed.iter().any(|path| Path::new(path).starts_with(dir)))
}

fn git_changed(root: &Root) -> Result<BTreeSet<String>> {
    let out = Command::new("git")
        .args([
            "status",
            "--porcelain=v1",
            "--untracked-files=all",
            "--no-renames",
            "-z",
        ])
        .current_dir(&root.path)
        .output()?;
    if !out.status.success() {
        bail!(
            "--changed asks git, and git says: {}",
            String::from_utf8_lossy(&out.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&out.stdout)
        .split('\0')
        .filter_map(|e| e.get(3..))
        .map(str::to_owned)
        .collect())
}

impl Runner<'_> {
    fn all(&mut self, todo: &[&Job]) -> Result<()> {
        for lane in Lane::ALL {
            let jobs: Vec<&Job> = todo.iter().copied().filter(|j| j.lane == lane).collect();
            if jobs.is_empty() {
                continue;
            }
            eprintln!("lane {lane}: {} to run", plural(jobs.len(), "job"));
            let watch = (lane == Lane::Kind)
                .then(|| cluster::Watch::begin(&self.book.root, self.id))
                .transpose()?;
            let done = self.lane(lane, &jobs);
            if let Some(watch) = watch {
                let left = watch.end(&self.left_there);
                // The reason why the run stopped is printed instead of its findings.
                if done.is_err() {
                    left.iter().for_each(|finding| eprintln!("{finding}"));
                }
                self.findings.extend(left);
            }
            done?;
        }
        Ok(())
    }

    fn lane(&mut self, lane: Lane, jobs: &[&Job]) -> Result<()> {
        let of = |kind: fn(&Kind) -> bool| -> Vec<&Job> { jobs.iter().copied().filter(|j| kind(&j.kind)).collect() };
        self.diagrams(&of(|k| matches!(k, Kind::Diagrams { .. })))?;
        for job in of(|k| *k == Kind::Site) {
            self.site(job)?;
        }
        self.snippets(&of(|k| matches!(k, Kind::Snippets { .. } | Kind::Quiz { .. })))?;
        self.tests(&of(|k| matches!(k, Kind::Tests { .. })), lane)?;
        self.formats(&of(|k| matches!(k, Kind::Formats { .. })))?;
        self.lint(&of(|k| matches!(k, Kind::Lint { .. })))?;
        self.exercises(&of(|k| matches!(k, Kind::Exercise { .. })))?;
        for job in of(|k| matches!(k, Kind::Console { .. })) {
            self.console(job)?;
        }
        self.browser(&of(|k| matches!(k, Kind::Browser { .. } | Kind::BrowserSite)))
    }

    fn record(&self, job: &Job, start: Instant) -> Record {
        Record {
            job: job.id.clone(),
            lane: job.lane,
            inputs: job.inputs.clone(),
            versions: lanes::versions(&self.book.root, job.lane, &self.book.workspace),
            ran_at: now(),
            seconds: (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            passed: true,
            findings: Vec::new(),
            uses: Vec::new(),
            coverage: BTreeMap::new(),
            compiled: BTreeSet::new(),
            blocks: Vec::new(),
            checks: 0,
        }
    }

    fn keep(&mut self, job: &Job, mut record: Record) -> Result<()> {
        super::go_on();
        record.passed = record.findings.is_empty();
        let word = if record.passed { "ok" } else { "FAILED" };
        eprintln!("  {word} {} ({:.1} s)", job.id, record.seconds);
        self.findings.extend(record.findings.clone());
        self.ran += 1;
        self.store.write(&record)
    }

    fn blocks_of(&self, page: &str, wanted: fn(&Block) -> bool) -> Vec<&Block> {
        self.book
            .pages
            .blocks()
            .filter(|b| b.page == page && b.attr("exempt").is_none() && wanted(b))
            .collect()
    }

    fn checked(record: &mut Record, blocks: &[&Block], results: Vec<BlockResult>) {
        for result in results {
            let Some(block) = blocks.iter().find(|b| b.page == result.page && b.line == result.line) else {
                continue;
            };
            record.blocks.push(Checked {
                page: result.page,
                line: result.line,
                hash: block_hash(block),
                passed: result.findings.is_empty(),
                detail: result.detail,
            });
            record.findings.extend(result.findings);
        }
    }

    fn diagrams(&mut self, jobs: &[&Job]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let mut texts = Vec::new();
        for job in jobs {
            for block in self.blocks_of(job.page().unwrap_or_default(), |b| b.origin == Origin::Diagram) {
                texts.push((block.at(), block.text.clone()));
            }
        }
        let mut problems = crate::site::mermaid::check(&texts)?.into_iter();
        for job in jobs {
            let blocks = self.blocks_of(job.page().unwrap_or_default(), |b| b.origin == Origin::Diagram);
            let results = blocks
                .iter()
                .map(|block| BlockResult {
                    page: block.page.clone(),
                    line: block.line,
                    findings: problems
                        .next()
                        .flatten()
                        .map(|p| Finding::new(&block.page, block.line + p.line, p.message, "correct the diagram"))
                        .into_iter()
                        .collect(),
                    detail: "parsed by the mermaid that the site ships".into(),
                })
                .collect();
            let mut record = self.record(job, start);
            Self::checked(&mut record, &blocks, results);
            self.keep(job, record)?;
        }
        Ok(())
    }

    /// Reads files that are written for engines, without these.
    fn formats(&mut self, jobs: &[&Job]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let Some(program) = self.reader()? else {
            eprintln!("  skipped {}: {} does not compile", jobs[0].id, formats::READER);
            return Ok(());
        };
        let blocks: Vec<&Block> = jobs
            .iter()
            .flat_map(|j| self.blocks_of(j.page().unwrap_or_default(), formats::is_read))
            .collect();
        let file = |b: &Block| Some((b.origin.file()?.path.clone(), b.format?));
        let files = blocks.iter().filter_map(|b| file(b)).collect();
        let book = self.book;
        let definitions = formats::definitions(&book.root, &book.config);
        let wrong = formats::read(&program, &book.root, &files, &definitions)?;
        for job in jobs {
            let blocks = self.blocks_of(job.page().unwrap_or_default(), formats::is_read);
            let shows = |block: &Block, path: &str| block.origin.file().is_some_and(|f| f.path == path);
            let detail = "read without an engine, nothing unknown in it";
            let mut results: Vec<BlockResult> = blocks
                .iter()
                .map(|block| BlockResult {
                    page: block.page.clone(),
                    line: block.line,
                    findings: Vec::new(),
                    detail: detail.into(),
                })
                .collect();
            for w in &wrong {
                // Where that line is shown; else where the file is, whose whole text counts.
                let has_line = |b: &Block| b.origin.file().is_some_and(|f| f.lines.contains(&w.line));
                let all = || (0..blocks.len()).filter(|i| shows(blocks[*i], &w.path));
                if let Some(i) = all().find(|i| has_line(blocks[*i])).or_else(|| all().next()) {
                    let what = format!("{}:{}: {}", w.path, w.line, w.what);
                    let finding = Finding::new(&blocks[i].page, blocks[i].line, what, &w.fix);
                    results[i].findings.push(finding);
                }
            }
            let mut record = self.record(job, start);
            Self::checked(&mut record, &blocks, results);
            for (checked, block) in record.blocks.iter_mut().zip(&blocks) {
                checked.passed &= !wrong.iter().any(|w| shows(block, &w.path));
            }
            self.keep(job, record)?;
        }
        Ok(())
    }

    /// The program that reads formats. `None` when the compiler refused it.
    fn reader(&mut self) -> Result<Option<PathBuf>> {
        if let Some(program) = std::env::var_os("BOOK_FORMATS") {
            return Ok(Some(program.into()));
        }
        let book = self.book;
        if !book.workspace.packages.contains_key(formats::READER) {
            bail!(
                "a page shows a manifest, a query or a protocol, and the workspace has no package {} to read it
  fix: add that package",
                formats::READER
            );
        }
        let lanes = self.lanes_here();
        let built = tests::build(&book.root, &book.config.listings, &self.together(), &lanes)?;
        let needs = book.workspace.closure(formats::READER);
        let mut refused = false;
        for (path, line, message) in &built.errors {
            if book.workspace.package_of(path).is_some_and(|p| needs.contains(&p.name)) {
                let finding = Finding::new(path, *line, message, "correct the code");
                self.findings.push(finding);
                refused = true;
            }
        }
        match built.binary(formats::READER) {
            _ if refused => Ok(None),
            Some(program) => Ok(Some(program.to_owned())),
            None => bail!(
                "cargo built no program {}
  fix: cargo build -p {}",
                formats::READER,
                formats::READER
            ),
        }
    }

    /// Rust that pages write, and the programs of their quizzes: both are built in one package, once.
    fn snippets(&mut self, jobs: &[&Job]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let written = |b: &Block| b.origin == Origin::Inline && b.lang == "rust";
        let asked = |b: &Block| b.lang == "quiz";
        let of = |job: &Job| -> Vec<&Block> {
            let page = job.page().unwrap_or_default();
            match job.kind {
                Kind::Quiz { .. } => self.blocks_of(page, asked),
                _ => self.blocks_of(page, written),
            }
        };
        // A quiz's programs carry the number of their question.
        let mut programs: Vec<(&str, usize, Block)> = Vec::new();
        let mut blocks: Vec<&Block> = Vec::new();
        for job in jobs {
            for block in of(job) {
                if block.lang == "quiz" {
                    let of_quiz = quiz::prove::programs(&self.book.root, block);
                    programs.extend(of_quiz.into_iter().map(|(n, program)| (job.id.as_str(), n, program)));
                } else {
                    blocks.push(block);
                }
            }
        }
        let snippets = blocks.len();
        blocks.extend(programs.iter().map(|(_, _, program)| program));
        let seen = match self.book.config.snippets.as_deref() {
            _ if blocks.is_empty() => Vec::new(),
            Some(package) => snippets::observe(&self.book.root, package, &blocks)?,
            None => bail!(
                "a page writes Rust, and book.toml names no package to run it in\n  fix: set `snippets` in [preprocessor.book]"
            ),
        };
        let (of_pages, of_quizzes) = seen.split_at(snippets.min(seen.len()));
        let mut done = Vec::new();
        for job in jobs {
            let mine = of(job);
            let own: Vec<BlockResult> = match job.kind {
                Kind::Quiz { .. } => mine
                    .iter()
                    .map(|block| {
                        let within = |line: usize| block.line <= line && line <= block.end_line;
                        let seen: Vec<quiz::prove::Seen> = programs
                            .iter()
                            .zip(of_quizzes)
                            .filter(|((id, _, program), _)| *id == job.id && within(program.line))
                            .map(|((_, question, _), (result, stdout))| quiz::prove::Seen {
                                question: *question,
                                result: result.clone(),
                                stdout: stdout.clone(),
                            })
                            .collect();
                        quiz::prove::judge(block, &seen)
                    })
                    .collect(),
                _ => {
                    let here = of_pages.iter().map(|(result, _)| result);
                    here.filter(|r| Some(r.page.as_str()) == job.page()).cloned().collect()
                }
            };
            let mut record = self.record(job, start);
            Self::checked(&mut record, &mine, own);
            done.push((*job, record));
        }
        for (job, record) in done {
            self.keep(job, record)?;
        }
        Ok(())
    }

    /// Proves exercises, in both directions.
    fn exercises(&mut self, jobs: &[&Job]) -> Result<()> {
        let book = self.book;
        let shown = crate::exercise::shown(&book.pages);
        let of = |job: &Job| shown.iter().find(|(exercise, _)| exercise.job() == job.id).copied();
        let mut programs = BTreeMap::new();
        if !jobs.is_empty() {
            eprintln!("  building the checks of {}", plural(jobs.len(), "exercise"));
            let exercises: Vec<_> = jobs.iter().filter_map(|job| Some(of(job)?.0)).collect();
            programs = match crate::exercise::check::build(book, &self.lanes_here(), &exercises) {
                Ok(programs) => programs,
                Err(error) => {
                    for job in jobs {
                        let Some((_, block)) = of(job) else { continue };
                        let mut record = self.record(job, Instant::now());
                        let finding = Finding::new(&block.page, block.line, format!("{error:#}"), "");
                        Self::checked(&mut record, &[block], vec![BlockResult::of(block, vec![finding], "")]);
                        self.keep(job, record)?;
                    }
                    return Ok(());
                }
            };
        }
        for job in jobs {
            let Some((exercise, block)) = of(job) else { continue };
            let start = Instant::now();
            let proof = crate::exercise::prove::prove(book, exercise, &programs[&exercise.name], self.id)?;
            let findings = proof
                .faults
                .iter()
                .map(|(what, fix)| Finding::new(&block.page, block.line, what, fix));
            let result = BlockResult::of(block, findings.collect(), &proof.detail);
            let mut record = self.record(job, start);
            Self::checked(&mut record, &[block], vec![result]);
            self.keep(job, record)?;
        }
        Ok(())
    }

    fn console(&mut self, job: &Job) -> Result<()> {
        let start = Instant::now();
        let page = job.page().unwrap_or_default();
        let blocks = self.blocks_of(page, |b| b.origin == Origin::Console);
        let budget = Duration::from_secs(self.book.config.console_budget);
        // A session that speaks to the cluster alone starts nothing on the engine; others may at the same time.
        let on_engine = job.lane == Lane::Docker || blocks.iter().any(|b| crate::job::uses_engine(b));
        let before = match on_engine {
            false => BTreeSet::new(),
            true => leftovers::of_nobody(),
        };
        let names = match on_engine {
            false => leftovers::Names::new(),
            true => leftovers::named(&blocks.iter().map(|b| b.text.as_str()).collect::<String>()),
        };
        if let Some(taken) = before.iter().find(|thing| names.contains(&thing.key())) {
            let (kind, name) = taken.key();
            let gives = |b: &&&Block| leftovers::named(&b.text).contains(&taken.key());
            let block = blocks.iter().find(gives).or(blocks.first());
            let mut record = self.record(job, start);
            record.findings.push(Finding::new(
                page,
                block.map_or(1, |b| b.line),
                format!("the session cannot run: there is a {kind} `{name}` already, which is not of this run"),
                format!("docker {kind} rm {name}, if nobody needs it"),
            ));
            return self.keep(job, record);
        }
        if !names.is_empty() {
            leftovers::note(&self.book.root.work(), &names)?;
        }
        let there = match job.lane {
            Lane::Kind => match self.enter(page, &blocks) {
                Ok(there) => Some(there),
                Err(finding) => {
                    let mut record = self.record(job, start);
                    record.findings.push(finding);
                    return self.keep(job, record);
                }
            },
            _ => None,
        };
        let variables = there.as_ref().map(|t| t.ground.environment()).unwrap_or_default();
        let run = console::run(&self.book.root, page, &blocks, self.options.bless, budget, &variables)?;
        let mut record = self.record(job, start);
        Self::checked(&mut record, &blocks, run.results);
        let mut left_there = BTreeSet::new();
        if let Some(there) = there {
            let (findings, left) = self.leave(page, &blocks, there);
            left_there = left;
            for finding in findings {
                for block in record.blocks.iter_mut().filter(|b| b.line == finding.line) {
                    block.passed = false;
                }
                record.findings.push(finding);
            }
        }
        let left = match on_engine {
            false => BTreeSet::new(),
            true => leftovers::appeared(self.id, &before),
        };
        for thing in &left {
            // The page gave it this name: it is nobody else's.
            if names.contains(&thing.key()) {
                thing.remove();
            }
            let line = blocks
                .iter()
                .find(|b| console_lane(b).has_engine())
                .map_or(1, |b| b.line);
            let what = format!("the session left the {thing} behind");
            let fix = "end the session on the page with the command that removes it";
            record.findings.push(Finding::new(page, line, what, fix));
            for block in record.blocks.iter_mut().filter(|b| b.line == line) {
                block.passed = false;
            }
        }
        self.left.extend(left);
        self.left_there.extend(left_there);
        if let Some(text) = run.rewritten {
            rewrite(&self.book.root.join(page), &text)?;
            eprintln!("  blessed {page}");
            // The page is another now: its session runs once more, on what stands there.
            return Ok(());
        }
        self.keep(job, record)
    }

    /// Makes the place on the cluster where a page's session runs; or says why it cannot.
    fn enter(&self, page: &str, blocks: &[&Block]) -> std::result::Result<There, Finding> {
        let root = &self.book.root;
        let at = |block: Option<&Block>| block.or(blocks.first().copied()).map_or(1, |b| b.line);
        let silent = |error: anyhow::Error| {
            let what = format!("the session cannot run: {error:#}");
            Finding::new(page, at(None), what, "cargo book setup --lane kind")
        };
        let cluster = cluster::Cluster::of(root);
        let before = cluster.of_nobody().map_err(silent)?;
        let names = cluster::named(root, blocks);
        if let Some(taken) = before.iter().find(|thing| names.contains(&thing.key())) {
            let (kind, name) = taken.key();
            return Err(Finding::new(
                page,
                at(cluster::block_of(root, blocks, &taken.key())),
                format!("the session cannot run: there is a {kind} `{name}` already, which is not of this run"),
                format!("kubectl delete {} {name}, if nobody needs it", kind.to_lowercase()),
            ));
        }
        cluster::note(root, &names).map_err(silent)?;
        let ground = cluster.ground(root, self.id).map_err(silent)?;
        Ok(There {
            cluster,
            before,
            names,
            ground,
        })
    }

    /// Takes away what a session had on the cluster, and says what it left beside that.
    fn leave(&self, page: &str, blocks: &[&Block], there: There) -> (Vec<Finding>, BTreeSet<cluster::Thing>) {
        let root = &self.book.root;
        let at = |block: Option<&Block>| block.or(blocks.first().copied()).map_or(1, |b| b.line);
        let stays = |error: anyhow::Error| {
            let what = format!("what the session made on the cluster stays: {error:#}");
            Finding::new(
                page,
                at(None),
                what,
                "cargo book setup --lane kind, then the same again",
            )
        };
        if let Err(error) = there.ground.end() {
            return (vec![stays(error)], BTreeSet::new());
        }
        let left = match there.cluster.left_since(&there.before) {
            Ok(left) => left,
            Err(error) => return (vec![stays(error)], BTreeSet::new()),
        };
        let mut findings = Vec::new();
        for thing in &left {
            let line = at(cluster::block_of(root, blocks, &thing.key()));
            let what = format!("the session left the {thing} behind");
            let fix = "end the session on the page with the command that removes it";
            findings.push(Finding::new(page, line, what, fix));
            // The page gave it this name: it is nobody else's.
            if there.names.contains(&thing.key())
                && let Err(error) = there.cluster.remove(thing)
            {
                findings.push(stays(error));
            }
        }
        (findings, left)
    }

    fn site(&mut self, job: &Job) -> Result<()> {
        let start = Instant::now();
        let dir = self.book.root.scratch_dir("site-")?;
        let findings = crate::publish::check(self.book, &dir.path().join("site"), &Default::default())?;
        if findings.is_empty() && !self.book.pages.findings.is_empty() {
            // No site was built, so nothing is known of its links. That the pages are wrong is reported anyway.
            eprintln!("  skipped {}: the pages come first", job.id);
            return Ok(());
        }
        let mut record = self.record(job, start);
        record.findings = findings;
        self.keep(job, record)
    }

    /// Looks at pages and at the site, all in one browser.
    fn browser(&mut self, jobs: &[&Job]) -> Result<()> {
        let Some(first) = jobs.first() else {
            return Ok(());
        };
        if !self.book.pages.findings.is_empty() {
            // There is no site to look at. That the pages are wrong is reported anyway.
            eprintln!("  skipped {}: the pages come first", first.id);
            return Ok(());
        }
        let start = Instant::now();
        let looks = browser::run(self.book, jobs)?;
        for job in jobs {
            let Some(look) = looks.get(&job.id) else {
                bail!(
                    "nothing looked at {}\n  fix: cargo book test --again {}",
                    job.id,
                    job.id
                );
            };
            let mut record = self.record(job, start);
            record.seconds = look.seconds;
            record.checks = look.checks;
            record.versions.extend(look.versions.clone());
            record.findings = look.findings.clone();
            self.keep(job, record)?;
        }
        Ok(())
    }

    fn lint(&mut self, jobs: &[&Job]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let lanes = self.lanes_here();
        let linted = tests::lint(&self.book.root, &self.together(), &lanes)?;
        for job in jobs {
            let name = job.package().unwrap_or_default();
            let mut record = self.record(job, start);
            if let Some(broken) = self.broken_by(job, linted.refused.iter().map(String::as_str))
                && broken != name
            {
                eprintln!("  skipped {}: {broken} does not compile", job.id);
                continue;
            }
            for (path, finding) in &linted.found {
                if self.book.workspace.package_of(path).is_some_and(|p| p.name == name) {
                    record
                        .findings
                        .push(self.where_a_reader_meets(path, finding.line, finding.clone()));
                }
            }
            self.keep(job, record)?;
        }
        Ok(())
    }

    /// The same finding at the page and line that show this line of a file, if a page does.
    fn where_a_reader_meets(&self, path: &str, line: usize, finding: Finding) -> Finding {
        let shown = self.book.pages.shown();
        let block = shown.get(path).and_then(|blocks| {
            blocks
                .iter()
                .find(|b| b.origin.file().is_some_and(|f| f.lines.contains(&line)))
        });
        match block {
            // An include is one line, whatever it shows: the fence is where the reader is.
            Some(block) => {
                let what = format!("({path}:{line}) {}", finding.what);
                Finding::new(&block.page, block.line, what, finding.fix)
            }
            None => finding,
        }
    }

    fn tests(&mut self, jobs: &[&Job], lane: Lane) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let book = self.book;
        let packages: Vec<&Package> = jobs
            .iter()
            .filter_map(|j| book.workspace.packages.get(j.package()?))
            .collect();
        let mut blocked = BTreeSet::new();
        eprintln!("  building the tests of {}", plural(packages.len(), "package"));
        let lanes = self.lanes_here();
        let built = tests::build(&book.root, &book.config.listings, &self.together(), &lanes)?;
        let llvm = lanes::llvm();
        if llvm.is_none() && packages.iter().any(|p| p.is_listing) {
            bail!(
                "LLVM's coverage tools are missing: nothing can say which lines the tests execute\n  fix: cargo book setup --lane offline"
            );
        }
        let run = tests::Run {
            root: &book.root,
            id: self.id,
            bless: self.options.bless,
            budget: Duration::from_secs(book.config.test_budget),
            llvm,
        };
        for job in jobs {
            let Some(package) = job.package().and_then(|p| book.workspace.packages.get(p)) else {
                continue;
            };
            let start = Instant::now();
            let mut findings = Vec::new();
            let mut record = self.record(job, start);
            if let Some(broken) = self.broken_by(job, built.errors.iter().map(|e| e.0.as_str())) {
                if broken != package.name {
                    eprintln!("  skipped {}: {broken} does not compile", job.id);
                    blocked.insert(broken.to_owned());
                    continue;
                }
                for (path, line, message) in &built.errors {
                    if self
                        .book
                        .workspace
                        .package_of(path)
                        .is_some_and(|p| p.name == package.name)
                    {
                        let finding = Finding::new(path, *line, message, "correct the code");
                        record.findings.push(self.where_a_reader_meets(path, *line, finding));
                    }
                }
                self.keep(job, record)?;
                continue;
            }
            let own = || {
                built
                    .programs
                    .iter()
                    .filter(|p| p.package == package.name && p.lane == lane)
            };
            let expected = package.programs.get(&lane).copied().unwrap_or_default();
            if own().count() < expected {
                bail!(
                    "cargo built {} of the {expected} test programs of {} for the {lane} lane; its words stand above\n  fix: correct what it names",
                    own().count(),
                    package.name
                );
            }
            record.compiled = built.sources.get(&package.name).cloned().unwrap_or_default();
            for program in own() {
                println!("     Running {} ({})", program.source, package.name);
                let ran = tests::run(&run, &built, program, package)?;
                findings.extend(self.failures(package, program, &ran));
                print_run(&ran);
                record.versions.extend(ran.versions);
                record.uses.extend(ran.uses);
                if ran.passed {
                    for (file, lines) in ran.coverage {
                        let all = record.coverage.entry(file).or_default();
                        for (line, count) in lines {
                            *all.entry(line).or_default() += count;
                        }
                    }
                }
            }
            record.coverage.retain(|file, _| book.config.is_below_listings(file));
            record.findings = findings;
            record.seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
            self.keep(job, record)?;
        }
        // A package that was not asked for may be what the others wait for.
        for (path, line, message) in &built.errors {
            let package = book.workspace.package_of(path).map(|p| p.name.as_str());
            if package.is_some_and(|p| blocked.contains(p) && !jobs.iter().any(|j| j.package() == Some(p))) {
                let finding = Finding::new(path, *line, message, "correct the code");
                let finding = self.where_a_reader_meets(path, *line, finding);
                self.findings.push(finding);
            }
        }
        Ok(())
    }

    /// What a failed program means to readers: one finding a failed or ignored test.
    fn failures(&self, package: &Package, program: &tests::Program, ran: &tests::Ran) -> Vec<Finding> {
        let mut findings = Vec::new();
        let panics = tests::panics(&ran.output);
        let source = format!("{}/{}", package.dir, program.source);
        for test in ran.tests.iter().filter(|t| t.end != "ok") {
            let full = format!("{}::{}", program.target, test.name);
            let used = ran
                .uses
                .iter()
                .filter(|u| u.test == full)
                .map(|u| u.path.clone())
                .collect();
            if test.end == "ignored" {
                let what = format!("the test {full} ({source}) is ignored, so nothing proves what it should");
                findings.push(self.misled(
                    package,
                    used,
                    ran,
                    &source,
                    1,
                    what,
                    "take #[ignore] away and mend the test",
                ));
                continue;
            }
            let (file, line, message) =
                panics
                    .get(&test.name)
                    .cloned()
                    .unwrap_or((source.clone(), 1, "it failed".into()));
            // The captured file that differs is what the reader sees.
            let named: BTreeSet<String> = self
                .book
                .pages
                .shown()
                .into_keys()
                .map(str::to_owned)
                .chain(
                    self.book
                        .pages
                        .pages
                        .iter()
                        .flat_map(|p| p.facts.iter().map(|f| f.1.clone())),
                )
                .filter(|path| message.contains(path.as_str()))
                .collect();
            let used = if named.is_empty() { used } else { named };
            let what = format!("the test {full} failed at {file}:{line}\n{}", indent(&message));
            let fix = format!("cargo test -p {} --test {} {}", package.name, program.target, test.name);
            findings.push(self.misled(package, used, ran, &file, line, what, &fix));
        }
        if !ran.left.is_empty() {
            let what = format!("the tests {source} left running: {}", ran.left.join(", "));
            let fix = "end in the test what it starts, also when it fails";
            findings.push(self.misled(package, BTreeSet::new(), ran, &source, 1, what, fix));
        }
        if ran.killed.is_some() || (!ran.passed && findings.is_empty()) {
            let why = ran
                .killed
                .clone()
                .unwrap_or_else(|| format!("ended badly:\n{}", indent(tail(&ran.output))));
            let what = format!("the tests {source} {why}");
            findings.push(self.misled(
                package,
                BTreeSet::new(),
                ran,
                &source,
                1,
                what,
                "run them alone with cargo test",
            ));
        }
        findings
    }

    /// Puts a failure where a reader would have met it: blocks and facts that show files which the test used; else
    /// blocks whose lines the program executed; else any block of the package; else the test itself.
    #[allow(clippy::too_many_arguments)]
    fn misled(
        &self,
        package: &Package,
        used: BTreeSet<String>,
        ran: &tests::Ran,
        file: &str,
        line: usize,
        what: String,
        fix: &str,
    ) -> Finding {
        let shows = |wanted: &dyn Fn(&str, &[usize]) -> bool| -> Vec<(String, usize)> {
            let blocks = self
                .book
                .pages
                .blocks()
                .filter(|b| b.origin.file().is_some_and(|f| wanted(&f.path, &f.lines)));
            let facts = self.book.pages.pages.iter().flat_map(|p| {
                p.facts
                    .iter()
                    .filter(|f| wanted(&f.1, &[]))
                    .map(|f| (p.path.clone(), f.0))
            });
            blocks.map(|b| (b.page.clone(), b.line)).chain(facts).collect()
        };
        let mut places = shows(&|path, _| used.contains(path));
        if places.is_empty() {
            places = shows(&|path, lines| {
                ran.coverage
                    .get(path)
                    .is_some_and(|c| lines.iter().any(|n| c.get(n).is_some_and(|count| *count > 0)))
            });
        }
        if places.is_empty() && package.is_listing {
            places = shows(&|path, _| {
                self.book
                    .workspace
                    .package_of(path)
                    .is_some_and(|p| p.name == package.name)
            });
        }
        let Some((page, at)) = places.first().cloned() else {
            return Finding::new(file, line, what, fix);
        };
        let also = match places.len() {
            1 => String::new(),
            n => {
                let more: Vec<String> = places[1..n.min(6)].iter().map(|(p, l)| format!("{p}:{l}")).collect();
                let rest = if n > 6 {
                    format!(" and {} more", n - 6)
                } else {
                    String::new()
                };
                format!("\n  also behind {}{rest}", more.join(", "))
            }
        };
        Finding::new(page, at, format!("{what}{also}"), fix)
    }

    /// All packages that are ever built together: see [`tests::build`].
    fn together(&self) -> Vec<&Package> {
        crate::exercise::check::together(self.book)
    }

    /// The lanes that this machine can run, of those that packages have tests for: see [`tests::build`].
    fn lanes_here(&mut self) -> BTreeSet<Lane> {
        if self.lanes.is_empty() {
            self.lanes = crate::exercise::check::lanes_here(self.book);
        }
        self.lanes.clone()
    }

    /// Of a job's package and those that it is built from, the first that holds one of these files.
    fn broken_by<'f>(&self, job: &Job, files: impl Iterator<Item = &'f str>) -> Option<&str> {
        let needs = self.book.workspace.closure(job.package()?);
        let mut of = files.filter_map(|file| self.book.workspace.package_of(file));
        of.find(|p| needs.contains(&p.name)).map(|p| p.name.as_str())
    }
}

/// Replaces a file as a whole: a page is somebody's work, also when the disk is full.
fn rewrite(path: &Path, text: &str) -> Result<()> {
    let what = || format!("{} cannot be written\n  fix: make room there", path.display());
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path)).with_context(what)?;
    file.write_all(text.as_bytes()).with_context(what)?;
    file.as_file()
        .set_permissions(std::fs::metadata(path)?.permissions())
        .with_context(what)?;
    file.persist(path).map_err(|e| e.error).with_context(what)?;
    Ok(())
}

fn print_run(ran: &tests::Ran) {
    if ran.passed {
        for line in ran.output.lines().filter(|l| l.starts_with("test result:")) {
            println!("{line}");
        }
    } else {
        println!("{}", ran.output.trim_end());
    }
}

fn tail(text: &str) -> &str {
    let from = text.trim_end().rmatch_indices('\n').nth(19).map_or(0, |(i, _)| i + 1);
    &text[from..]
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("    {l}")).collect::<Vec<_>>().join("\n")
}

/// `1 job`, `2 jobs`.
pub fn plural(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

impl Outcome {
    /// Whether all that had to hold holds. A block that failed, or that had to be proven and is not, is a finding.
    pub fn holds(&self, required: bool) -> bool {
        self.findings.is_empty() && (self.missing.is_empty() || !required)
    }

    /// Prints findings and the summary.
    pub fn print(&self) {
        for finding in &self.findings {
            println!("\n{finding}");
        }
        if !self.findings.is_empty() {
            println!();
        }
        for (lane, totals) in &self.report.summary.lanes {
            let parts: Vec<String> = totals
                .by_verdict
                .iter()
                .map(|(word, n)| format!("{n} {word}"))
                .collect();
            println!("{lane}: {} — {}", plural(totals.blocks, "block"), parts.join(", "));
        }
        if let Some(looked) = &self.report.summary.browser {
            println!("browser: {looked}");
        }
        for (lane, why) in &self.missing {
            if let (Lane::Browser, Some(looked)) = (lane, &self.report.summary.browser) {
                println!("{lane}: {} not looked at here ({why})", plural(looked.open(), "page"));
                continue;
            }
            let left = |row: &&Status| row.lane == *lane && !matches!(row.verdict, Verdict::Verified | Verdict::Exempt);
            let left = self.report.blocks.iter().filter(left).count();
            println!("{lane}: {} not run here ({why})", plural(left, "check"));
        }
        let (ran, kept) = self.jobs;
        println!(
            "{} run, {} unchanged, {}",
            plural(ran, "job"),
            kept,
            plural(self.findings.len(), "finding")
        );
    }
}

/// Takes over the evidence of other runs, from the folders that they wrote; how many records.
pub fn merge(book: &Book, dirs: &[PathBuf]) -> Result<usize> {
    Store::of(&book.root).merge(dirs)
}
