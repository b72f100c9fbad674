//! What does a changed line compile, and how long does that take? A real
//! engine says it, whichever cache its builds use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use book_support::exercise::docker::{Built, build};
use book_support::exercise::{Check, Demand, first_error};
use caching::{Step, Steps, edits};

const BUILD: Demand = Demand {
    step: "build",
    must: "build from its own folder",
    fix: "docker build . in that folder says more",
};
const PROGRAM: Demand = Demand {
    step: "program",
    must: "count two links to example.org, under its title",
    fix: "see what the image's program prints: echo https://example.org | docker run --interactive --rm IMAGE",
};
const COMMIT: Demand = Demand {
    step: "commit",
    must: "be what --build-arg COMMIT= says",
    fix: "LABEL org.opencontainers.image.revision, behind an ARG of the same stage",
};
const CRATES: Demand = Demand {
    step: "crates",
    must: "be 1 crate, after one line and the commit have changed",
    fix: "what changes with each commit has to stand below what is costly",
};
const EDITED: Demand = Demand {
    step: "edited program",
    must: "be what the changed line says",
    fix: "the program in the image is an older one: let cargo see that its source is newer",
};
const DEPENDENCY: Demand = Demand {
    step: "new dependency",
    must: "be compiled",
    fix: "the step that compiles dependencies has to see Cargo.toml and Cargo.lock",
};
const LOCK: Demand = Demand {
    step: "changed lock",
    must: "be what is compiled",
    fix: "copy Cargo.lock to where the dependencies are compiled, and say --locked",
};
const TIME: Demand = Demand {
    step: "time",
    must: "be under 40 % of the first build's",
    fix: "one crate is compiled: see which step, or what of it, takes the time",
};

/// What the second build may take of the first's time, in percent.
const MOST: f64 = 40.0;
const TITLE: &str = "links by host";
/// An older release of a crate that nothing stands above but
/// `serde_json`, with its checksum.
const OLDER: [&str; 3] = [
    "itoa",
    "1.0.15",
    "4a5f13b858c8d314ee3e8f639011f7ccefe71f97f96e50151fb991f267928e2c",
];

#[test]
fn check() {
    let check = Check::begin();
    let pipeline = crates(&check);
    lock(&check, &pipeline);
    time(&check);
    check.end();
}

/// What is compiled, first and after a changed line.
fn crates(check: &Check) -> Pipeline {
    // What is equal in two folders of one run is compiled once.
    let run = std::env::var("BOOK_RUN").unwrap_or_else(|_| unique());
    let pipeline = Pipeline::new(check, &run);
    pipeline.rewrite("Cargo.toml", |text| quick(&text));
    let image = pipeline.build("first", check, &BUILD);
    check.demand(&BUILD, "builds", true);
    let said = image.printed(TWO);
    check.need(&PROGRAM, or_nothing(&said), counts(&said, TITLE));
    let label = "{{index .Config.Labels \"org.opencontainers.image.revision\"}}";
    let label = image.inspect(label);
    let right = label == "first";
    let seen = if label.is_empty() { "none" } else { &label };
    check.need(&COMMIT, seen, right);
    let twice = twice(&steps(&image));
    if twice > 0 {
        check.note("compiled twice", format!("{twice} crates"));
    }

    let title = pipeline.other_line();
    let image = pipeline.build(&unique(), check, &CRATES);
    let second = steps(&image);
    check.need(&CRATES, ran(&second), second.crates() == 1);
    let said = image.printed(TWO);
    let right = counts(&said, &title);
    check.need(&EDITED, or_nothing(&said), right);
    pipeline
}

/// What is compiled after a dependency was added, and the lock names
/// another release of one.
fn lock(check: &Check, pipeline: &Pipeline) {
    let known =
        fs::read_to_string(book_support::root().join("Cargo.lock"));
    edits::dependency(pipeline.context(), &known.expect("a lock file"))
        .expect("the copy can be changed");
    pipeline.rewrite("Cargo.lock", older);
    // What was compiled for another folder would be taken from there,
    // and the report of this build would not name it.
    pipeline.mark(&unique());
    let image = pipeline.build(&unique(), check, &DEPENDENCY);
    let third = steps(&image);
    let compiled = |name: &str| -> Vec<String> {
        let all = third.ours().flat_map(Step::compiled);
        let of = format!("{name} v");
        all.filter(|crate_| crate_.starts_with(&of)).collect()
    };
    let seen = compiled(edits::ADDED);
    check.need(&DEPENDENCY, or_none(&seen), !seen.is_empty());
    let [name, version, _] = OLDER;
    let seen = compiled(name);
    let right = seen == [format!("{name} v{version}")];
    check.need(&LOCK, or_none(&seen), right);
}

/// How long a build takes from nothing, and after a changed line: with
/// all that the reader's optimizing costs.
fn time(check: &Check) {
    let pipeline = Pipeline::new(check, &unique());
    // By a clock of our own: of a step that another build has begun
    // meanwhile, the engine tells when that one began it.
    let took = || {
        let start = Instant::now();
        pipeline.build(&unique(), check, &TIME);
        start.elapsed()
    };
    let first = took();
    // Other work on this machine can only make a build slower. So the
    // quicker of two says more of what a changed line costs.
    let again = [(), ()].map(|()| {
        pipeline.other_line();
        took()
    });
    let second = again[0].min(again[1]);
    let part = 100.0 * second.div_duration_f64(first);
    let (first, second) = (first.as_secs_f64(), second.as_secs_f64());
    let seen = format!(
        "first build {first:.1} s, second {second:.1} s: {part:.0} %"
    );
    check.need(&TIME, seen, part < MOST);
}

/// A copy of the reader's folder that no other run has built, with a
/// Dockerfile whose cache mounts nobody has used.
struct Pipeline {
    copy: tempfile::TempDir,
    mounts: String,
}

impl Pipeline {
    fn new(check: &Check, run: &str) -> Pipeline {
        let mounts = format!("check-{}", unique());
        let pipeline = Pipeline { copy: check.copy(), mounts };
        pipeline.rewrite("Dockerfile", |text| {
            own_mounts(&text, &pipeline.mounts)
        });
        pipeline.mark(run);
        pipeline
    }

    fn context(&self) -> &Path {
        self.copy.path()
    }

    fn rewrite(&self, file: &str, change: impl Fn(String) -> String) {
        let path = self.context().join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, change(text)).expect("the copy can be changed");
    }

    /// To the engine, it is another manifest.
    fn mark(&self, word: &str) {
        let mark =
            format!("\n[package.metadata.{word:?}]\nchecked = true\n");
        self.rewrite("Cargo.toml", |text| text + &mark);
    }

    /// Changes one line, into one that nobody has compiled.
    fn other_line(&self) -> String {
        let title = format!("links of {}", unique());
        self.rewrite("src/main.rs", |text| {
            let line = |l: &str| match l.contains("const TITLE") {
                true => format!("const TITLE: &str = {title:?};\n"),
                false => format!("{l}\n"),
            };
            text.lines().map(line).collect()
        });
        title
    }

    /// Builds it as this commit. What does not build does not hold.
    fn build(
        &self,
        commit: &str,
        check: &Check,
        need: &Demand,
    ) -> Built {
        let dockerfile = self.context().join("Dockerfile");
        let commit = format!("--build-arg=COMMIT={commit}");
        let args = ["--progress=rawjson", &commit];
        build(&dockerfile, self.context(), &args).unwrap_or_else(
            |log| {
                check.note("build log", &log);
                check.need(need, first_error(&log), false);
                unreachable!("what is needed and does not hold ends it")
            },
        )
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        edits::forget_mounts(&self.mounts);
    }
}

/// A word that nobody has used.
fn unique() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    format!("{}-{now}", std::process::id())
}

/// A manifest whose release profile does not optimize: as many crates
/// are compiled, and it takes a third of the time.
fn quick(manifest: &str) -> String {
    let sections =
        manifest.split_inclusive('\n').scan(true, |keep, line| {
            if line.starts_with('[') {
                *keep = !line.starts_with("[profile.release");
            }
            Some(if *keep { line } else { "" })
        });
    sections.collect::<String>()
        + "\n[profile.release]\nopt-level = 0\n"
}

/// A lock file that names the older release.
fn older(lock: String) -> String {
    let [name, version, checksum] = OLDER;
    let head = format!("name = \"{name}\"\n");
    let entry = |entry: &str| match entry.starts_with(&head) {
        false => entry.to_owned(),
        true => {
            let line = |line: &str| match line.split_once(" = ") {
                Some(("version", _)) => {
                    format!("version = \"{version}\"\n")
                }
                Some(("checksum", _)) => {
                    format!("checksum = \"{checksum}\"\n")
                }
                _ => format!("{line}\n"),
            };
            entry.lines().map(line).collect()
        }
    };
    let entries: Vec<String> =
        lock.split("[[package]]\n").map(entry).collect();
    entries.join("[[package]]\n")
}

/// The Dockerfile with other names for its cache mounts: two that were
/// one are still one.
fn own_mounts(dockerfile: &str, run: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let words = dockerfile.split_inclusive(char::is_whitespace);
    let words = words.map(|whole| {
        let word = whole.trim_end();
        let mount = word.strip_prefix("--mount=");
        let fields: Vec<&str> =
            mount.unwrap_or_default().split(',').collect();
        if !fields.contains(&"type=cache") {
            return whole.to_owned();
        }
        let of = |key: &str| fields.iter().find(|f| f.starts_with(key));
        let name = of("id=").or(of("target=")).or(of("dst="));
        let name = name.unwrap_or(&word).to_string();
        let at = known.iter().position(|k| *k == name);
        let at = at.unwrap_or(known.len());
        if at == known.len() {
            known.push(name);
        }
        let others = fields.iter().filter(|f| !f.starts_with("id="));
        let others: Vec<&str> = others.copied().collect();
        let space = &whole[word.len()..];
        format!("--mount={},id={run}-{at}{space}", others.join(","))
    });
    words.collect()
}

fn steps(image: &Built) -> Steps {
    Steps::read(image.log().as_bytes()).unwrap_or_default()
}

/// `11 crates, beginning with COPY . .`
fn ran(steps: &Steps) -> String {
    let first = steps.ours().find(|step| step.fate() == "run");
    let first = first.map_or("nothing", |step| step.text());
    match steps.crates() {
        1 => "1 crate".to_owned(),
        n => format!("{n} crates, beginning with {first}"),
    }
}

/// How many dependencies were compiled in more than one step.
fn twice(steps: &Steps) -> usize {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for name in steps.ours().flat_map(|step| step.compiled()) {
        let own = name.starts_with("links-report ");
        if !own && !once.insert(name.clone()) {
            twice.insert(name);
        }
    }
    twice.len()
}

/// What the program is given.
const TWO: &str = "https://example.org/a\nhttps://example.org/b\n";

fn counts(said: &str, title: &str) -> bool {
    let title = format!("\"title\":{title:?}");
    said.contains("\"example.org\":2") && said.contains(&title)
}

fn or_nothing(said: &str) -> &str {
    said.lines().next().unwrap_or("nothing")
}

fn or_none(compiled: &[String]) -> String {
    match compiled {
        [] => "not compiled".to_owned(),
        some => some.join(", "),
    }
}
