//! What does a changed line compile? Three builds on a real engine say it, whichever cache they use.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use book_support::exercise::docker::{Built, build};
use book_support::exercise::{Check, Demand, first_error};
use caching::{Steps, edits};

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

const TITLE: &str = "links by host";

#[test]
fn check() {
    let check = Check::begin();
    let folder = check.folder();
    let pipeline = Pipeline::of(folder).expect("a copy can be made");

    // Nobody has built this before: its manifest is another one.
    pipeline.rewrite("Cargo.toml", |text| {
        text + &format!(
            "\n[package.metadata.check]\nrun = \"{}\"\n",
            pipeline.run
        )
    });
    let image = match pipeline.build("first") {
        Ok(image) => image,
        Err(log) => {
            check.note("build log", &log);
            return check.need(&BUILD, first_error(&log), false);
        }
    };
    check.demand(&BUILD, "builds", true);
    let said = printed(&image);
    check.need(&PROGRAM, or_nothing(&said), counts(&said, TITLE));
    let label = "{{index .Config.Labels \"org.opencontainers.image.revision\"}}";
    let label = image.inspect(label);
    let right = label == "first";
    let seen = if label.is_empty() { "none" } else { &label };
    check.need(&COMMIT, seen, right);
    let first = steps(&image);
    let twice = twice(&first);
    if twice > 0 {
        check.note("compiled twice", format!("{twice} crates"));
    }

    let mut times = Vec::new();
    for turn in ["second", "third", "fourth"] {
        let title = format!("links of the {turn} build");
        pipeline.rewrite("src/main.rs", |text| {
            let line = |l: &str| match l.contains("const TITLE") {
                true => format!("const TITLE: &str = {title:?};\n"),
                false => format!("{l}\n"),
            };
            text.lines().map(line).collect()
        });
        let image = match pipeline.build(turn) {
            Ok(image) => image,
            Err(log) => {
                return check.need(&CRATES, first_error(&log), false);
            }
        };
        let steps = steps(&image);
        times.push(steps.took());
        if turn == "second" {
            check.need(&CRATES, ran(&steps), steps.crates() == 1);
            let said = printed(&image);
            check.need(
                &EDITED,
                or_nothing(&said),
                counts(&said, &title),
            );
        }
    }
    // Of three, the one in the middle.
    times.sort();
    let part = 100.0 * times[1].div_duration_f64(first.took());
    // Told, and not demanded: on a machine with other work, a clock says
    // more about that work than about the build.
    check.note("time", format!("{part:.0} % of the first build's"));

    let known =
        fs::read_to_string(book_support::root().join("Cargo.lock"));
    edits::dependency(pipeline.context(), &known.expect("a lock file"))
        .expect("the copy can be changed");
    let seen = match pipeline.build("fifth") {
        Ok(image) => steps(&image)
            .ours()
            .flat_map(|step| step.compiled())
            .find(|name| name.starts_with(edits::ADDED))
            .ok_or("not compiled".to_owned()),
        Err(log) => Err(first_error(&log)),
    };
    let holds = seen.is_ok();
    check.demand(&DEPENDENCY, seen.unwrap_or_else(|no| no), holds);
    check.end();
}

/// A copy of the reader's folder, with a Dockerfile whose cache mounts
/// nobody has used.
struct Pipeline {
    copy: tempfile::TempDir,
    run: String,
}

impl Pipeline {
    fn of(folder: &Path) -> io::Result<Pipeline> {
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        let run = format!("check-{}-{now}", std::process::id());
        let pipeline = Pipeline { copy: tempfile::tempdir()?, run };
        copy(folder, pipeline.context())?;
        let dockerfile = pipeline.context().join("Dockerfile");
        let text = fs::read_to_string(&dockerfile)?;
        fs::write(dockerfile, own_mounts(&text, &pipeline.run))?;
        Ok(pipeline)
    }

    fn context(&self) -> &Path {
        self.copy.path()
    }

    fn rewrite(&self, file: &str, change: impl Fn(String) -> String) {
        let path = self.context().join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, change(text)).expect("the copy can be changed");
    }

    fn build(&self, commit: &str) -> Result<Built, String> {
        let dockerfile = self.context().join("Dockerfile");
        let commit = format!("--build-arg=COMMIT={commit}");
        let args = ["--progress=rawjson", &commit];
        build(&dockerfile, self.context(), &args)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        edits::forget_mounts(&self.run);
    }
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

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), &target).map(drop)?,
        }
    }
    Ok(())
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

/// What the image's program makes of two links; what docker says, when
/// it does not start.
fn printed(image: &Built) -> String {
    let tag = image.inspect("{{index .RepoTags 0}}");
    let run = ["run", "--rm", "--interactive"];
    let label = std::env::var("BOOK_RUN").unwrap_or("by-hand".into());
    let child = Command::new("docker")
        .args(run)
        .arg(format!("--label=book.test={label}"))
        .arg(tag)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let out = child.and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            let links =
                "https://example.org/a\nhttps://example.org/b\n";
            // A program that does not read is seen by what it prints.
            let _ = stdin.write_all(links.as_bytes());
        }
        child.wait_with_output()
    });
    let out = out.expect("docker starts");
    let both = [out.stdout, out.stderr].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

fn counts(said: &str, title: &str) -> bool {
    let title = format!("\"title\":{title:?}");
    said.contains("\"example.org\":2") && said.contains(&title)
}

fn or_nothing(said: &str) -> &str {
    said.lines().next().unwrap_or("nothing")
}
