//! What is known of each block: evidence against the files as they are. Nothing is run here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evidence::{Hashes, Record, Store};
use crate::formats::{self, Format};
use crate::job::{Job, Kind, block_hash, console_lane, shown_hash};
use crate::model::{Block, Finding, Included, Lane, Origin, Status, Verdict};
use crate::page::Pages;
use crate::workspace::Workspace;

/// The evidence of every job, sorted by whether it still holds.
#[derive(Debug)]
pub struct Knowledge<'a> {
    pages: &'a Pages,
    workspace: &'a Workspace,
    jobs: &'a [Job],
    /// With each record what has changed since. Nothing: it holds.
    records: BTreeMap<&'a str, (Record, Vec<String>)>,
}

impl<'a> Knowledge<'a> {
    /// Reads the store.
    pub fn gather(
        pages: &'a Pages,
        workspace: &'a Workspace,
        jobs: &'a [Job],
        store: &Store,
        hashes: &mut Hashes,
    ) -> Knowledge<'a> {
        let mut records = BTreeMap::new();
        for job in jobs {
            if let Some(record) = store.read(&job.id) {
                let changed = job.changed(&record, hashes);
                records.insert(job.id.as_str(), (record, changed));
            }
        }
        Knowledge {
            pages,
            workspace,
            jobs,
            records,
        }
    }

    /// Whether a job has run on the files as they are, whatever came of it.
    pub fn is_fresh(&self, job: &Job) -> bool {
        self.records
            .get(job.id.as_str())
            .is_some_and(|(_, changed)| changed.is_empty())
    }

    /// Whether a job has run on the files as they are and held.
    pub fn has_passed(&self, job: &Job) -> bool {
        self.is_fresh(job) && self.records[job.id.as_str()].0.passed
    }

    /// A job's record, fresh or not.
    pub fn record(&self, job: &Job) -> Option<&Record> {
        self.records.get(job.id.as_str()).map(|(record, _)| record)
    }

    /// The jobs whose tests could prove a file, so that silence of all of them is a gap.
    pub fn could_prove(&self, path: &str) -> Vec<&'a Job> {
        let tests = self.jobs.iter().filter(|j| matches!(j.kind, Kind::Tests { .. }));
        let of_lab = crate::lab::name(path).and_then(|name| self.workspace.packages.get(name));
        match of_lab.or_else(|| self.workspace.package_of(path)) {
            Some(package) if !package.dir.is_empty() => tests
                .filter(|j| {
                    let tested = j.package().and_then(|name| self.workspace.packages.get(name));
                    tested.is_some_and(|t| t.name == package.name || t.needs.contains(&package.name))
                })
                .collect(),
            _ => tests.collect(),
        }
    }

    /// All blocks, and all facts that prose shows, in reading order.
    pub fn rows(&self) -> Vec<Status> {
        let mut rows = Vec::new();
        for page in &self.pages.pages {
            let facts = page
                .facts
                .iter()
                .map(|(line, path)| fact_block(&page.path, *line, path));
            let mut own: Vec<Status> = page.blocks.iter().cloned().chain(facts).map(|b| self.row(&b)).collect();
            own.sort_by_key(|row| row.line);
            rows.extend(own);
        }
        rows
    }

    fn row(&self, block: &Block) -> Status {
        let file = block.origin.file();
        let mut row = Status {
            page: block.page.clone(),
            line: block.line,
            lang: block.lang.clone(),
            origin: block.origin.word().into(),
            listing: file.map(|f| f.path.clone()),
            lines: file.and_then(|f| Some([*f.lines.first()?, *f.lines.last()?])),
            check: String::new(),
            lane: Lane::Offline,
            verdict: Verdict::NotRun,
            reason: String::new(),
            ran_at: None,
            evidence: Vec::new(),
            seconds: 0.0,
            versions: BTreeMap::new(),
            hash: shown_hash(block),
        };
        if let Some(reason) = block.attr("exempt") {
            row.check = "none".into();
            row.verdict = Verdict::Exempt;
            row.reason = reason.to_owned();
            return row;
        }
        match &block.origin {
            Origin::Inline => self.own(block, &mut row, "snippets", "compiled and run by skeptic"),
            Origin::Console => {
                row.lane = console_lane(block);
                self.own(block, &mut row, "console", "run, output compared");
            }
            Origin::Diagram => self.own(block, &mut row, "diagrams", "parsed by the site's mermaid"),
            Origin::Widget => self.widget(block, &mut row),
            Origin::Listing(file) if block.lang == "rust" => self.rust(file, &mut row),
            // That somebody read it says nothing of what a build or an engine makes of it.
            Origin::Listing(file) => {
                self.used(file, &mut row, &Proof::of(block));
                if formats::is_read(block) {
                    self.was_read(block, &mut row);
                }
            }
            Origin::Output(file) => self.used(file, &mut row, &Proof::COMPARED),
        }
        row
    }

    /// An exercise: the job proves it in both directions.
    fn exercise(&self, block: &Block, row: &mut Status) {
        row.check = "the starter fails its check, the solution passes it".into();
        let name = crate::exercise::of_block(block).unwrap_or_default();
        let own = |job: &&Job| matches!(&job.kind, Kind::Exercise { name: n, .. } if *n == name);
        let Some(job) = self.jobs.iter().find(own) else {
            return;
        };
        row.lane = job.lane;
        let Some((record, changed)) = self.records.get(job.id.as_str()) else {
            row.reason = format!("the {} lane has not proven it", job.lane);
            return;
        };
        row.take(record);
        if let Some(what) = changed.first() {
            row.stale(what);
        } else if record.passed {
            row.verdict = Verdict::Verified;
            row.evidence.extend(record.blocks.iter().map(|b| b.detail.clone()));
        } else {
            row.verdict = Verdict::Failed;
            row.reason = record
                .findings
                .first()
                .map_or("it was not proven".into(), |f| first_line(&f.what));
        }
    }

    /// A block that readers use.
    fn widget(&self, block: &Block, row: &mut Status) {
        match block.lang.as_str() {
            "quiz" => {
                self.own(block, row, "quiz", "its keys are proven");
                // The badge says of how many questions.
                if let (Verdict::Verified, Some(what)) = (row.verdict, row.evidence.pop()) {
                    row.check = what;
                }
            }
            "lab" => self.lab(block, row),
            _ => self.exercise(block, row),
        }
    }

    /// A lab: its WebAssembly was asked what its crate was asked, and said the same.
    fn lab(&self, block: &Block, row: &mut Status) {
        let Ok(lab) = crate::widgets::lab::read(block) else {
            return;
        };
        let path = crate::lab::path(&lab.name);
        row.listing = Some(path.clone());
        let (lines, text) = (Vec::new(), String::new());
        self.used(&Included { path, lines, text }, row, &Proof::MATCHED);
    }

    /// A block that a job of its page checks itself.
    fn own(&self, block: &Block, row: &mut Status, kind: &str, check: &str) {
        row.check = check.into();
        let id = format!("{kind}:{}", block.page);
        let Some(job) = self.jobs.iter().find(|j| j.id == id) else {
            return;
        };
        row.lane = job.lane;
        let Some((record, changed)) = self.records.get(id.as_str()) else {
            row.reason = format!("the {} lane has not run this page", job.lane);
            return;
        };
        row.take(record);
        let hash = block_hash(block);
        // The same text may stand on a page twice, and hold in one place only.
        let same: Vec<_> = record.blocks.iter().filter(|c| c.hash == hash).collect();
        let checked = same.iter().find(|c| !c.passed).or(same.first());
        // Blocks of a session depend on each other; snippets and diagrams stand alone, so that a change elsewhere on
        // the page does not make them stale.
        let alone = kind != "console";
        let changed = changed
            .iter()
            .find(|what| !(alone && checked.is_some() && *what == crate::job::BLOCK));
        match (checked, changed) {
            (_, Some(what)) => row.stale(what),
            (Some(checked), None) if checked.passed => {
                row.verdict = Verdict::Verified;
                row.evidence
                    .extend((!checked.detail.is_empty()).then(|| checked.detail.clone()));
            }
            (Some(_), None) => {
                row.verdict = Verdict::Failed;
                let first = record
                    .findings
                    .iter()
                    .find(|f| block.line <= f.line && f.line <= block.end_line);
                row.reason = first.map_or("its check failed".into(), |f| first_line(&f.what));
            }
            (None, None) => row.reason = "the last run did not reach it".into(),
        }
    }

    fn rust(&self, file: &Included, row: &mut Status) {
        row.check = "compiled, each shown line executed by a test".into();
        let jobs = self.could_prove(&file.path);
        row.lane = jobs.iter().map(|j| j.lane).min().unwrap_or(Lane::Offline);
        let (mut compiled, mut stale, mut missing) = (false, None, None);
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for job in &jobs {
            let Some((record, changed)) = self.records.get(job.id.as_str()) else {
                missing = Some(job.lane);
                continue;
            };
            if let Some(what) = changed.first() {
                stale = Some((what.clone(), job.lane));
                continue;
            }
            row.take(record);
            if !record.passed && job.package() == self.workspace.package_of(&file.path).map(|p| p.name.as_str()) {
                row.verdict = Verdict::Failed;
                row.reason = record
                    .findings
                    .first()
                    .map_or("a test failed".into(), |f| first_line(&f.what));
                return;
            }
            compiled |= record.compiled.contains(&file.path);
            if let Some(lines) = record.coverage.get(&file.path) {
                for (line, count) in lines {
                    *counts.entry(*line).or_default() += count;
                }
                tests.insert(job.id.clone());
            }
        }
        let gaps: Vec<usize> = file
            .lines
            .iter()
            .copied()
            .filter(|n| counts.get(n) == Some(&0))
            .collect();
        let reached = file
            .lines
            .iter()
            .filter(|n| counts.get(n).is_some_and(|c| *c > 0))
            .count();
        if compiled && gaps.is_empty() {
            row.verdict = Verdict::Verified;
            row.evidence.push(if reached == 0 {
                "compiled; the shown lines hold no code that runs".into()
            } else {
                format!(
                    "{reached} of {reached} lines with code executed by {}",
                    list(tests.iter().map(String::as_str))
                )
            });
        } else if let Some((what, lane)) = stale {
            row.lane = lane;
            row.stale(&what);
        } else if let Some(lane) = missing {
            row.lane = lane;
            row.reason = format!("the {lane} lane has not run its tests");
        } else if compiled {
            row.verdict = Verdict::Failed;
            let gaps = list(gaps.iter().map(usize::to_string));
            row.reason = format!("no test that passed executed line {gaps} of {}", file.path);
        } else {
            row.reason = format!("no test program that passed was compiled from {}", file.path);
        }
    }

    fn used(&self, file: &Included, row: &mut Status, proof: &Proof) {
        row.check = proof.check.into();
        if let Some(job) = self.configures(&file.path) {
            row.lane = job.lane;
            row.check = "cargo and mdBook work with it".into();
            match self.records.get(job.id.as_str()) {
                Some((record, changed)) if changed.is_empty() && record.passed => {
                    row.take(record);
                    row.verdict = Verdict::Verified;
                    row.evidence.push(format!("{} passed with it", job.id));
                    return;
                }
                Some((_, changed)) if !changed.is_empty() => return row.stale(&changed[0]),
                _ => {}
            }
        }
        let jobs = self.could_prove(&file.path);
        let lane = jobs.iter().map(|j| j.lane).max().unwrap_or(Lane::Offline);
        row.lane = proof.lane.unwrap_or(lane);
        let (mut stale, mut missing, mut failed) = (None, None, None);
        // A file may be used by the tests of any package; `could_prove` only says whose silence counts.
        for job in self.jobs {
            let Some((record, changed)) = self.records.get(job.id.as_str()) else {
                if jobs.iter().any(|j| j.id == job.id) {
                    missing = Some(job.lane);
                }
                continue;
            };
            let uses: Vec<_> = record
                .uses
                .iter()
                .filter(|u| u.path == file.path && proof.counts(&u.verb))
                .collect();
            if let Some(what) = changed.first() {
                if !uses.is_empty() || jobs.iter().any(|j| j.id == job.id) {
                    stale = Some(what.clone());
                }
                continue;
            }
            if let Some(bad) = uses.iter().find(|u| !u.passed) {
                failed = Some(format!("{} failed", bad.test));
                row.lane = job.lane;
            } else if !uses.is_empty() {
                row.lane = job.lane;
                row.take(record);
                row.verdict = Verdict::Verified;
                row.evidence.extend(uses.iter().map(|u| {
                    let what = if u.what.is_empty() {
                        String::new()
                    } else {
                        format!(": {}", u.what)
                    };
                    match u.verb.as_str() {
                        // The API did, and not the test.
                        "refused" => format!("{} saw it refused{what}", u.test),
                        verb => format!("{} {verb} it{what}", u.test),
                    }
                }));
            }
        }
        if let Some(why) = failed {
            row.verdict = Verdict::Failed;
            row.reason = why;
        } else if row.verdict == Verdict::Verified {
            row.check = proof.check.into();
        } else if let Some(what) = stale {
            row.stale(&what);
        } else if let Some(lane) = missing {
            row.reason = format!("the {lane} lane has not run its tests");
        } else {
            row.reason = match proof.verbs {
                [verb] if proof.lane.is_some() => format!("no test that passed saw {} {verb}", file.path),
                _ => format!("no test that passed was seen to use {}", file.path),
            };
        }
    }

    /// A file that is written for an engine was also read without it. Where only that is missing, it is the offline lane
    /// that the block waits for.
    fn was_read(&self, block: &Block, row: &mut Status) {
        let proven = row.verdict == Verdict::Verified;
        let Some((record, changed)) = self.records.get(formats::job(&block.page).as_str()) else {
            if proven {
                row.verdict = Verdict::NotRun;
                row.reason = UNREAD.into();
                row.lane = Lane::Offline;
            }
            return;
        };
        let hash = block_hash(block);
        let checked: Vec<_> = record.blocks.iter().filter(|c| c.hash == hash).collect();
        let changed = changed
            .iter()
            .find(|what| !checked.is_empty() && *what != crate::job::BLOCK);
        match (changed, checked.first()) {
            (Some(what), _) if proven => {
                row.stale(what);
                row.lane = Lane::Offline;
            }
            (None, None) if proven => {
                row.verdict = Verdict::NotRun;
                row.reason = UNREAD.into();
                row.lane = Lane::Offline;
            }
            (None, Some(_)) if checked.iter().any(|c| !c.passed) => {
                let path = block.origin.file().map_or("", |f| f.path.as_str());
                let first = record.findings.iter().find(|f| f.what.starts_with(&format!("{path}:")));
                row.verdict = Verdict::Failed;
                row.reason = first.map_or("it does not read".into(), |f| first_line(&f.what));
            }
            (None, Some(checked)) if proven => row.evidence.push(checked.detail.clone()),
            _ => {}
        }
    }

    /// The job that cannot pass unless this configuration file is right.
    fn configures(&self, path: &str) -> Option<&'a Job> {
        if path == "book.toml" {
            return self.jobs.iter().find(|j| j.kind == Kind::Site);
        }
        let dir = path.strip_suffix("Cargo.toml")?.trim_end_matches('/');
        let package = self
            .workspace
            .packages
            .values()
            .find(|p| p.dir == dir || dir.is_empty())?;
        self.jobs.iter().find(|j| {
            j.kind
                == Kind::Tests {
                    package: package.name.clone(),
                }
        })
    }

    /// What a browser saw of the pages and the site; none for a book that no browser looks at.
    pub fn looked(&self) -> Option<Looked> {
        let mut looked = Looked::default();
        for job in self.jobs.iter().filter(|job| job.lane == Lane::Browser) {
            looked.pages += usize::from(matches!(job.kind, Kind::Browser { .. }));
            let verdict = match self.records.get(job.id.as_str()) {
                None => Verdict::NotRun,
                Some((_, changed)) if !changed.is_empty() => Verdict::Stale,
                Some((record, _)) => {
                    looked.checks += record.checks;
                    if record.passed {
                        Verdict::Verified
                    } else {
                        Verdict::Failed
                    }
                }
            };
            *looked.by_verdict.entry(verdict.word().into()).or_default() += 1;
        }
        (looked.pages > 0).then_some(looked)
    }

    /// Blocks that no check proves although every job that could has run: page, line and what is missing.
    pub fn gaps(&self, rows: &[Status]) -> Vec<Finding> {
        let mut gaps = Vec::new();
        for row in rows {
            let unproven = match row.verdict {
                Verdict::Failed => {
                    row.origin == "listing" && row.lang == "rust" && row.reason.starts_with("no test that")
                }
                Verdict::NotRun if row.reason == UNREAD => false,
                Verdict::NotRun => row
                    .listing
                    .as_deref()
                    .is_some_and(|path| self.could_prove(path).iter().all(|j| self.is_fresh(j))),
                _ => false,
            };
            if unproven {
                let fix = if row.lang == "rust" {
                    "write a test that executes it, or show other lines"
                } else {
                    "let a test use the file through the test-support crate, or take the block out"
                };
                gaps.push(Finding::new(&row.page, row.line, &row.reason, fix));
            }
        }
        gaps
    }
}

/// Why a block is not verified although an engine took its file.
const UNREAD: &str = "the offline lane has not read it";

/// What has to have been seen of a file, so that it counts as proven.
struct Proof {
    /// The words for it.
    check: &'static str,
    /// What a test must have noted: one of these; none: anything but a comparison.
    verbs: &'static [&'static str],
    /// Where that is seen, if the kind of file says so.
    lane: Option<Lane>,
}

impl Proof {
    const COMPARED: Proof = Proof {
        check: "output compared",
        verbs: &["compared"],
        lane: None,
    };

    const MATCHED: Proof = Proof {
        check: "WebAssembly and the printed crate compared",
        verbs: &["matched"],
        lane: Some(Lane::Offline),
    };

    fn of(block: &Block) -> Proof {
        let (check, verbs, lane): (_, &[&str], _) = match block.format {
            Some(Format::Manifest) if block.attr("refused").is_some() => {
                ("refused by the API", &["refused"], Some(Lane::Kind))
            }
            Some(Format::Manifest) => ("applied to the cluster, strictly", &["applied"], Some(Lane::Kind)),
            Some(Format::Promql) => ("answered by Prometheus", &["answered"], Some(Lane::Docker)),
            Some(Format::Rules) => ("tested by promtool", &["tested"], Some(Lane::Docker)),
            Some(Format::Compose) => ("brought up and used", &["brought up"], Some(Lane::Docker)),
            Some(Format::Proto) => ("compiled", &["compiled"], Some(Lane::Offline)),
            None if block.lang == "dockerfile" => ("built, run and asserted", &["built", "ran"], None),
            Some(Format::Cluster) | None => ("used by a test", &[], None),
        };
        Proof { check, verbs, lane }
    }

    fn counts(&self, verb: &str) -> bool {
        match self.verbs {
            [] => verb != "compared",
            verbs => verbs.contains(&verb),
        }
    }
}

impl Status {
    fn take(&mut self, record: &Record) {
        self.seconds += record.seconds;
        self.versions.extend(record.versions.clone());
        if self.ran_at.as_ref().is_none_or(|at| *at < record.ran_at) {
            self.ran_at = Some(record.ran_at.clone());
        }
    }

    fn stale(&mut self, what: &str) {
        self.verdict = Verdict::Stale;
        self.reason = format!("{what} has changed since its check ran");
    }
}

/// A fact as if it were a block: what prose shows of a captured file.
fn fact_block(page: &str, line: usize, path: &str) -> Block {
    Block {
        page: page.to_owned(),
        line,
        end_line: line,
        lang: "fact".into(),
        attrs: BTreeMap::new(),
        text: String::new(),
        origin: Origin::Output(Included {
            path: path.to_owned(),
            lines: Vec::new(),
            text: String::new(),
        }),
        format: None,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn list(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    items.map(|i| i.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

/// Counts of verdicts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// All blocks.
    pub blocks: usize,
    /// By verdict's word.
    #[serde(flatten)]
    pub by_verdict: BTreeMap<String, usize>,
}

/// What `status --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Tools and images that took part in any check.
    pub versions: BTreeMap<String, String>,
    /// Counts: `all`, then by language, by module (the page's folder) and by lane.
    pub summary: Summary,
    /// Every block.
    pub blocks: Vec<Status>,
    /// What the text of the pages alone shows to be wrong. A block that does not read stands here only.
    pub findings: Vec<Finding>,
}

/// Counts from several sides.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The whole book.
    pub all: Totals,
    /// By language tag.
    pub languages: BTreeMap<String, Totals>,
    /// By page folder.
    pub modules: BTreeMap<String, Totals>,
    /// By lane.
    pub lanes: BTreeMap<String, Totals>,
    /// What a browser saw of the pages. None for a book that no browser looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<Looked>,
}

/// What a browser saw.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Looked {
    /// How many pages there are to look at. The site is one more.
    pub pages: usize,
    /// How many things were looked at on those whose evidence holds.
    pub checks: usize,
    /// Pages, and the site, by verdict's word.
    #[serde(flatten)]
    pub by_verdict: BTreeMap<String, usize>,
}

impl Looked {
    /// How many pages, the site among them, are not proven.
    pub fn open(&self) -> usize {
        let others = self
            .by_verdict
            .iter()
            .filter(|(word, _)| *word != Verdict::Verified.word());
        others.map(|(_, n)| n).sum()
    }
}

impl std::fmt::Display for Looked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = crate::run::plural;
        let words: Vec<String> = self.by_verdict.iter().map(|(word, n)| format!("{n} {word}")).collect();
        write!(
            f,
            "{} on {} and the site — {}",
            plural(self.checks, "check"),
            plural(self.pages, "page"),
            words.join(", ")
        )
    }
}

impl Report {
    /// Counts rows.
    pub fn of(rows: Vec<Status>, src: &str, findings: Vec<Finding>) -> Report {
        let mut summary = Summary::default();
        let mut versions = BTreeMap::new();
        for row in &rows {
            let module = row.page.strip_prefix(src).unwrap_or(&row.page).trim_start_matches('/');
            let module = module.split_once('/').map_or("front", |(m, _)| m).to_owned();
            for totals in [
                &mut summary.all,
                summary.languages.entry(row.lang.clone()).or_default(),
                summary.modules.entry(module).or_default(),
                summary.lanes.entry(row.lane.to_string()).or_default(),
            ] {
                totals.blocks += 1;
                *totals.by_verdict.entry(row.verdict.word().into()).or_default() += 1;
            }
            versions.extend(row.versions.clone());
        }
        Report {
            versions,
            summary,
            blocks: rows,
            findings,
        }
    }

    /// With what a browser saw.
    pub fn with_browser(mut self, looked: Option<Looked>) -> Report {
        self.summary.browser = looked;
        self
    }
}
