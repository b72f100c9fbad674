//! The browser lane: the site is built once, and scripts look at its pages in one Chromium. What they find there is told
//! at the page's line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::job::{BROWSER_SITE, Job, Kind};
use crate::model::{Block, Finding, Origin};
use crate::page::{Page, Pages};
use crate::run::Book;
use crate::run::console::{self, kept::kept_with};
use crate::site::listing_address;

/// What was seen of one job.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What would mislead a reader, or keep them out.
    pub findings: Vec<Finding>,
    /// How many things were looked at.
    pub checks: usize,
    /// How long that took. Jobs share the browser, so that their sum is more than the run's time.
    pub seconds: f64,
    /// The browser and what drives it.
    pub versions: BTreeMap<String, String>,
}

/// Of so many copies of listings, each is made alike: these stand for all.
const COPIES: usize = 4;

/// What a page and the site may take at most, on a slow machine.
const BUDGET_PAGE: u64 = 90;
const BUDGET_SITE: u64 = 600;

#[derive(Serialize)]
struct Plan {
    pages: Vec<PlannedPage>,
    site: Option<PlannedSite>,
}

#[derive(Serialize)]
struct PlannedPage {
    address: String,
    blocks: Vec<PlannedBlock>,
}

/// What a copy of a block must give: one of the texts.
#[derive(Debug, Serialize)]
struct PlannedBlock {
    line: usize,
    texts: Vec<String>,
}

#[derive(Serialize)]
struct PlannedSite {
    pages: Vec<String>,
    copies: Vec<String>,
    measured: Vec<String>,
}

/// A line of the scripts' report.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    of: Option<String>,
    page: String,
    width: Option<u32>,
    theme: Option<String>,
    what: Option<String>,
    fix: String,
    block: Option<usize>,
    heading: Option<String>,
    text: Option<String>,
    image: Option<String>,
    checks: usize,
    done: bool,
    seconds: f64,
    versions: Option<BTreeMap<String, String>>,
}

/// Where a page lies in the site: `src/21-x/README.md` is `21-x/index.html`.
pub fn address(src: &str, page: &str) -> String {
    let inside = page.strip_prefix(src).unwrap_or(page).trim_start_matches('/');
    let stem = inside.strip_suffix(".md").unwrap_or(inside);
    match stem.strip_suffix("README") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}index.html"),
        _ => format!("{stem}.html"),
    }
}

/// The pages that stand for all where looking at each would take too long: the home page, those with the most code and
/// the most diagrams, and the first with each kind of widget.
pub fn telling(pages: &Pages) -> Vec<&Page> {
    let mut chosen: Vec<&Page> = measured(pages);
    for word in crate::widgets::LANGUAGES {
        let has = |page: &&Page| page.blocks.iter().any(|b| b.origin == Origin::Widget && b.lang == word);
        chosen.extend(pages.pages.iter().find(has));
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|page| seen.insert(&page.path));
    chosen
}

/// The pages that Lighthouse measures.
fn measured(pages: &Pages) -> Vec<&Page> {
    let most = |wanted: fn(&Block) -> bool| {
        let count = |page: &&Page| page.blocks.iter().filter(|b| wanted(b)).count();
        // Of equals the first: `max_by_key` would give the last.
        pages
            .pages
            .iter()
            .rev()
            .max_by_key(count)
            .filter(|page| count(page) > 0)
    };
    let code = most(|b| !matches!(b.origin, Origin::Diagram | Origin::Widget));
    let drawn = most(|b| b.origin == Origin::Diagram);
    let mut chosen: Vec<&Page> = pages.pages.first().into_iter().chain(code).chain(drawn).collect();
    let mut seen = BTreeSet::new();
    chosen.retain(|page| seen.insert(&page.path));
    chosen
}

/// The files whose copies stand for those of all.
pub fn copies(pages: &Pages) -> Vec<String> {
    let shown: Vec<&str> = pages.shown().into_keys().collect();
    let step = (shown.len() / COPIES).max(1);
    let some = shown.into_iter().step_by(step).take(COPIES);
    some.map(str::to_owned).collect()
}

/// Looks at what the jobs are for; by the job's name.
///
/// # Errors
/// When the site cannot be built, or the browser does not come to its end.
pub fn run(book: &Book, jobs: &[&Job]) -> Result<BTreeMap<String, Look>> {
    let root = &book.root;
    let src = &book.config.src;
    let of_page = |job: &&&Job| match &job.kind {
        Kind::Browser { page } => book.pages.pages.iter().find(|p| p.path == *page),
        _ => None,
    };
    let pages: Vec<&Page> = jobs.iter().filter_map(|job| of_page(&job)).collect();
    let has_site = jobs.iter().any(|job| job.kind == Kind::BrowserSite);
    let dir = root.scratch_dir("browser-")?;
    let site = dir.path().join("site");
    crate::publish::site(book, &site, &Default::default())?;
    let addresses = |pages: Vec<&Page>| pages.iter().map(|page| address(src, &page.path)).collect();
    let plan = Plan {
        pages: pages.iter().map(|page| planned(src, page)).collect(),
        site: has_site.then(|| PlannedSite {
            pages: addresses(telling(&book.pages)),
            copies: copies(&book.pages).iter().map(|path| listing_address(path)).collect(),
            measured: addresses(measured(&book.pages)),
        }),
    };
    let (plan_file, report) = (dir.path().join("plan.json"), dir.path().join("report.jsonl"));
    std::fs::write(&plan_file, serde_json::to_vec(&plan)?)?;
    std::fs::write(&report, "")?;
    let shots = std::path::absolute(root.work().join("browser/screenshots"))?;
    let script = std::path::absolute(book_setup::browser::scripts(&root.path).join("check.mjs"))?;
    let packages = book_setup::browser::packages(&root.path).context("this book has no scripts for a browser")?;
    let options: [&dyn AsRef<Path>; 9] = [
        &script,
        &site,
        &"--plan",
        &plan_file,
        &"--report",
        &report,
        &"--shots",
        &shots,
        &"--base=/cloud-native-rust/",
    ];
    let arguments: Vec<OsString> = options.iter().map(|o| o.as_ref().as_os_str().to_owned()).collect();
    eprintln!(
        "  looking at {}{} in Chromium",
        super::plural(pages.len(), "page"),
        if has_site { " and the site" } else { "" }
    );
    let budget = Duration::from_secs(pages.len() as u64 * BUDGET_PAGE + if has_site { BUDGET_SITE } else { 0 });
    let (program, arguments) = in_its_own_network(arguments);
    let packages = std::path::absolute(packages)?;
    let ran = kept_with(&program, &arguments, budget, |command| {
        command.env("BOOK_BROWSER_PACKAGES", &packages);
    })?;
    let said = std::fs::read_to_string(&report)?;
    let said: Vec<Said> = said
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("the scripts' report does not read")?;
    match ran.code {
        Some(0 | 1) => Ok(sorted(book, jobs, said)),
        Some(_) => bail!("the browser could not look at the site:\n{}", tail(&ran.output)),
        None => bail!(
            "the browser was not done after {} s:\n{}",
            budget.as_secs(),
            tail(&ran.output)
        ),
    }
}

fn planned(src: &str, page: &Page) -> PlannedPage {
    let blocks = page
        .blocks
        .iter()
        .filter(|b| !matches!(b.origin, Origin::Diagram | Origin::Widget));
    PlannedPage {
        address: address(src, &page.path),
        blocks: blocks
            .map(|block| PlannedBlock {
                line: block.line,
                texts: pasted(block),
            })
            .collect(),
    }
}

/// What a reader can paste: a session's commands, else the text as it is shown, or whole, with the lines that are folded.
fn pasted(block: &Block) -> Vec<String> {
    match &block.origin {
        Origin::Console => vec![console::commands(block).join("\n")],
        origin => {
            let whole = origin.file().map_or(&block.text, |file| &file.text).clone();
            if block.lang != "rust" || origin.file().is_some() {
                return vec![whole];
            }
            // `# ` hides a line of Rust that a page writes.
            let is_hidden = |line: &&str| matches!(line.trim_start(), "#") || line.trim_start().starts_with("# ");
            let shown: Vec<&str> = whole.lines().filter(|line| !is_hidden(line)).collect();
            let unhidden: Vec<String> = whole
                .lines()
                .map(|line| match is_hidden(&line) {
                    true => line.replacen("# ", "", 1),
                    false => line.to_owned(),
                })
                .collect();
            vec![shown.join("\n"), unhidden.join("\n")]
        }
    }
}

/// The program that runs node with these arguments in a network of its own, where this machine lets one be made: while
/// Docker's networks come and go, Chromium drops what it reads (`ERR_NETWORK_CHANGED`). Nobody else can be reached from
/// there either. Where none can be made, browser jobs still run after all that have an engine.
fn in_its_own_network(arguments: Vec<OsString>) -> (PathBuf, Vec<OsString>) {
    const UP: &str = "{ ip link set lo up || ifconfig lo up; } 2>/dev/null && exec \"$@\"";
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    for apart in [&["--net"][..], &["--user", "--map-root-user", "--net"]] {
        if !cfg!(target_os = "linux") {
            break;
        }
        let mut all = words(apart);
        all.extend(words(&["sh", "-c", UP, "sh"]));
        let works = Command::new("unshare")
            .args(&all)
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if works.is_ok_and(|status| status.success()) {
            all.push("node".into());
            all.extend(arguments);
            return ("unshare".into(), all);
        }
    }
    ("node".into(), arguments)
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(20)..];
    format!("{}\n  fix: cargo book doctor --lane browser", last.join("\n"))
}

/// By job, what was said; the same said at several widths and in several themes once.
fn sorted(book: &Book, jobs: &[&Job], said: Vec<Said>) -> BTreeMap<String, Look> {
    let src = &book.config.src;
    let name = |of: &str| match book.pages.pages.iter().find(|page| address(src, &page.path) == of) {
        Some(page) => format!("browser:{}", page.path),
        None => BROWSER_SITE.to_owned(),
    };
    let mut looks: BTreeMap<String, Look> = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut versions = BTreeMap::new();
    let mut places: BTreeMap<(String, Finding), Vec<String>> = BTreeMap::new();
    for line in said {
        versions.extend(line.versions.clone().unwrap_or_default());
        let Some(of) = &line.of else { continue };
        let job = match of.as_str() {
            "site" => BROWSER_SITE.to_owned(),
            of => name(of),
        };
        let look = looks.entry(job.clone()).or_default();
        look.checks += line.checks;
        if line.done {
            look.seconds = (line.seconds * 1000.0).round() / 1000.0;
            done.insert(job.clone());
        }
        if let Some(what) = &line.what {
            let (page, at) = place(book, &line);
            let seen = [line.width.map(|w| format!("{w} px")), line.theme.clone()];
            let seen = seen.into_iter().flatten().collect::<Vec<_>>().join(" ");
            places
                .entry((job, Finding::new(page, at, what, &line.fix)))
                .or_default()
                .push(seen);
        }
    }
    for ((job, mut finding), mut seen) in places {
        seen.sort();
        seen.dedup();
        seen.retain(|one| !one.is_empty());
        let seen = match seen.len() {
            0 => String::new(),
            _ => format!(" ({})", seen.join(", ")),
        };
        finding.what = format!("in the browser: {}{seen}", finding.what);
        looks.entry(job).or_default().findings.push(finding);
    }
    // What has no end was not looked at.
    looks.retain(|job, _| done.contains(job) && jobs.iter().any(|j| j.id == *job));
    for look in looks.values_mut() {
        look.versions = versions.clone();
    }
    looks
}

/// The page and line, or the file, that a finding is about.
fn place(book: &Book, said: &Said) -> (String, usize) {
    let pages = &book.pages.pages;
    let src = &book.config.src;
    if let Some(page) = pages.iter().find(|page| address(src, &page.path) == said.page) {
        return (page.path.clone(), line_in(page, said));
    }
    let shown = book.pages.shown();
    if let Some(path) = shown.keys().find(|path| listing_address(path) == said.page) {
        return ((*path).to_owned(), 1);
    }
    match (said.page.as_str(), pages.first()) {
        // mdBook writes the first page twice.
        ("index.html", Some(page)) => (page.path.clone(), line_in(page, said)),
        _ => ("book.toml".into(), 1),
    }
}

/// The block's line, or that of the address which was asked for; else, below the heading that was named, the line with the picture or the words; else the heading's.
fn line_in(page: &Page, said: &Said) -> usize {
    if let Some(line) = said.block {
        return line;
    }
    // What the page asks for may stand where no element is: in a style.
    let what = said.what.as_deref().unwrap_or_default();
    let asked = what
        .split_whitespace()
        .find(|word| word.contains("://") && !word.contains("://127.0.0.1"));
    if let Some(line) = asked.and_then(|asked| page.text.lines().position(|line| line.contains(asked))) {
        return line + 1;
    }
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let wanted = plain(said.heading.as_deref().unwrap_or_default());
    let lines: Vec<&str> = page.text.lines().collect();
    let is_heading = |line: &&str| line.starts_with('#') && plain(line) == wanted;
    let Some(heading) = lines.iter().position(is_heading).filter(|_| !wanted.is_empty()) else {
        return 1;
    };
    let below = || lines.iter().enumerate().skip(heading);
    let picture = said.image.as_deref().and_then(|image| image.rsplit('/').next());
    let picture = picture.filter(|name| !name.is_empty());
    let words: String = plain(said.text.as_deref().unwrap_or_default())
        .chars()
        .take(16)
        .collect();
    let found = below().find(|(_, line)| match picture {
        Some(name) => line.contains(name),
        None => !words.is_empty() && plain(line).contains(&words),
    });
    found.map_or(heading, |(at, _)| at) + 1
}

#[cfg(test)]
#[path = "browser_tests.rs"]
mod tests;
