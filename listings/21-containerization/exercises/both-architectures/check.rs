//! Does one name serve two kinds of processor? Asked of a registry, and
//! of the programs in what it hands out.

use std::env::consts::ARCH;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use book_support::engines::{REGISTRY, registry};
use book_support::exercise::docker::{Built, loader, pull};
use book_support::exercise::{Check, Demand, first_error};
use serde_json::Value;
use supply::elf::machine;

const COMPILER: Demand = Demand {
    step: "compiler",
    must: "be one for the machine that builds",
    fix: "FROM --platform=$BUILDPLATFORM, for each stage that runs something",
};
const PUBLISH: Demand = Demand {
    step: "publish",
    must: "build both halves and push them",
    fix: "sh publish.sh with a name of your own registry says more",
};
const LIST: Demand = Demand {
    step: "list",
    must: "name linux/amd64 and linux/arm64, each once",
    fix: "push each half under a name of its own, and let imagetools make a list of them",
};
const RUN: Demand = Demand {
    step: "run",
    must: "greet as the sources say, on this machine",
    fix: "see what `docker run` says of the name that you have published",
};

/// One of the two that the name has to serve.
struct Half {
    platform: &'static str,
    /// Its processor, as Rust calls it, and as `readelf` does.
    arch: &'static str,
    machine: &'static str,
    program: Demand,
}

const fn program(step: &'static str, must: &'static str) -> Demand {
    let fix = "compile for what TARGETARCH says, and ship that";
    Demand { step, must, fix }
}

const HALVES: [Half; 2] = [
    Half {
        platform: "linux/amd64",
        arch: "x86_64",
        machine: "x86-64",
        program: program("program for amd64", "be for x86-64"),
    },
    Half {
        platform: "linux/arm64",
        arch: "aarch64",
        machine: "AArch64",
        program: program("program for arm64", "be for AArch64"),
    },
];
/// Where the image holds it.
const PROGRAM: &str = "/greeting";

#[test]
fn check() {
    let check = Check::begin();
    let file = check.folder().join("Dockerfile");
    let text = fs::read_to_string(file).unwrap_or_default();
    let emulated = emulated(&text);
    let seen = emulated.unwrap_or("one for the machine that builds");
    check.need(&COMPILER, seen, emulated.is_none());

    // Nobody has compiled this greeting: two checks at once share no
    // image, and none is an older one.
    let copy = check.copy();
    let greeting = other_greeting(copy.path());
    let registry = registry();
    let address = registry.address(REGISTRY).to_string();
    let name = format!("{address}/greeting:1");
    let _names = Names(&address);
    let out = Command::new("sh")
        .args(["publish.sh", &name])
        .current_dir(copy.path())
        .output()
        .expect("a shell starts");
    let log = said(&out);
    check.note("log", &log);
    let pushed = out.status.success();
    let seen = if pushed { "pushes" } else { trouble(&log) };
    check.need(&PUBLISH, seen, pushed);

    let entries = match entries(&name) {
        Ok(entries) => entries,
        Err(none) => return check.need(&LIST, none, false),
    };
    let named = |p: &str| {
        entries.iter().filter(|e| e.listed && e.platform == p).count()
    };
    let right = HALVES.iter().all(|half| named(half.platform) == 1);
    check.demand(&LIST, in_words(&entries), right);

    for half in &HALVES {
        let mut entries = entries.iter();
        let entry = entries.find(|e| e.platform == half.platform);
        let Some(entry) = entry else { continue };
        let image = match pull(&entry.reference, half.platform) {
            Ok(image) => image,
            Err(none) => return check.need(&half.program, none, false),
        };
        let (seen, right) = held(&image, half);
        check.demand(&half.program, seen, right);
        if half.arch == ARCH {
            let printed = image.printed("");
            let right = printed == format!("{greeting} from {ARCH}");
            let line = printed.lines().next().unwrap_or("nothing");
            check.demand(&RUN, line, right);
        }
    }
    check.end();
}

/// What is in an image for one half, and whether it is right.
fn held(image: &Built, half: &Half) -> (String, bool) {
    let Some(program) = image.file(PROGRAM) else {
        return (format!("no {PROGRAM} in the image"), false);
    };
    let says = image.inspect("{{.Os}}/{{.Architecture}}");
    let machine = machine(&program).unwrap_or("for a third processor");
    let loader = loader(&program);
    match loader.filter(|path| image.file(path).is_none()) {
        _ if machine != half.machine => {
            (format!("{machine}, in an image that says {says}"), false)
        }
        Some(path) => (
            format!("{machine}, and {path} is not in the image"),
            false,
        ),
        None => (machine.to_owned(), true),
    }
}

/// The first stage that runs something and is not for the machine that
/// builds: an emulator would have to run it.
fn emulated(dockerfile: &str) -> Option<&str> {
    let (mut from, mut stages) = ("", Vec::new());
    for line in dockerfile.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        match words.next().map(str::to_uppercase).as_deref() {
            Some("FROM") => {
                from = line;
                let here = line.contains("BUILDPLATFORM");
                let mut rest = words.filter(|w| !w.starts_with("--"));
                let base = rest.next().unwrap_or_default();
                // A stage on a stage that is for this machine.
                if here || stages.contains(&base) {
                    from = "";
                    stages.extend(rest.nth(1));
                }
            }
            Some("RUN") if !from.is_empty() => return Some(from),
            _ => {}
        }
    }
    None
}

/// Changes how the program greets; the new greeting.
fn other_greeting(folder: &Path) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let greeting = format!("Hello {}-{now}", std::process::id());
    let path = folder.join("src/main.rs");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let line = |l: &str| match l.contains("const GREETING") {
        true => format!("const GREETING: &str = {greeting:?};\n"),
        false => format!("{l}\n"),
    };
    let text: String = text.lines().map(line).collect();
    fs::write(path, text).expect("the copy can be changed");
    greeting
}

/// Something that the registry has under the name.
struct Entry {
    platform: String,
    reference: String,
    /// Whether it stands in a list.
    listed: bool,
}

fn entries(name: &str) -> Result<Vec<Entry>, String> {
    let inspect = ["buildx", "imagetools", "inspect"];
    let raw = docker(&[&inspect[..], &["--raw", name]].concat());
    if !raw.status.success() {
        return Err("nothing under this name".to_owned());
    }
    let raw: Value =
        serde_json::from_slice(&raw.stdout).unwrap_or_default();
    let Some(list) = raw["manifests"].as_array() else {
        let format = "{{.Image.OS}}/{{.Image.Architecture}}";
        let out = docker(
            &[&inspect[..], &["--format", format, name]].concat(),
        );
        return Ok(vec![Entry {
            platform: said(&out).trim().to_owned(),
            reference: name.to_owned(),
            listed: false,
        }]);
    };
    let repository = name.rsplit_once(':').map_or(name, |(r, _)| r);
    let entry = |entry: &Value| {
        let text = |value: &Value| {
            value.as_str().unwrap_or_default().to_owned()
        };
        let platform = &entry["platform"];
        let (os, arch) =
            (text(&platform["os"]), text(&platform["architecture"]));
        Entry {
            platform: format!("{os}/{arch}"),
            reference: format!(
                "{repository}@{}",
                text(&entry["digest"])
            ),
            listed: true,
        }
    };
    // What a build tells of itself stands beside images, for no platform.
    let images = list.iter().map(entry);
    Ok(images.filter(|e| e.platform != "unknown/unknown").collect())
}

/// `linux/amd64, linux/arm64`, or `one image, linux/arm64`.
fn in_words(entries: &[Entry]) -> String {
    let all: Vec<&str> =
        entries.iter().map(|e| e.platform.as_str()).collect();
    let list = entries.iter().all(|entry| entry.listed);
    let what = if list { "" } else { "one image, " };
    format!("{what}{}", all.join(", "))
}

/// What went wrong, out of all that a build prints.
fn trouble(log: &str) -> &str {
    let linker = "file in wrong format";
    if let Some(line) = log.lines().find(|l| l.contains(linker)) {
        return line.rsplit('/').next().unwrap_or(line).trim();
    }
    let error = first_error(log);
    let at = log.find(&error).unwrap_or_default();
    let line = log[at..].lines().next().unwrap_or_default();
    line.find("error:").map_or(line, |at| &line[at..])
}

/// All names that this engine has of one registry; they are taken away
/// when dropped.
struct Names<'a>(&'a str);

impl Drop for Names<'_> {
    fn drop(&mut self) {
        let all = |format: &str| {
            let list = ["image", "ls", "--all", "--digests"];
            let out =
                docker(&[&list[..], &["--format", format]].concat());
            let text = String::from_utf8_lossy(&out.stdout);
            let own = format!("{}/", self.0);
            let names = text.lines().filter(|l| l.starts_with(&own));
            let names = names.filter(|l| !l.contains("<none>"));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        // With its last tag, an image goes, and its digests with it.
        let each =
            ["{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"];
        for name in each.into_iter().flat_map(all) {
            docker(&["image", "rm", "--force", &name]);
        }
    }
}

fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("docker starts")
}

fn said(out: &Output) -> String {
    let both = [&out.stdout[..], &out.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
