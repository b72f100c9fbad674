//! What a run leaves on the Docker engine: compared before and after.
//!
//! What tests start carries the label `book.test` with the run's name, so that it is found also when the run was
//! killed, and so that runs beside this one are left alone. What a page's session starts carries no label; it is found
//! by comparison, and removed when it has a name that the page gave it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::model::Finding;

const LABEL: &str = "book.test";

/// Below the verifier's folder.
const MARK: &str = "docker-run";

/// How the names of [`sign`]s begin.
const SIGN: &str = "book-run-";

/// How often, and how far apart, something is looked at before it is said to be left: what another run begins or ends at
/// this moment is for an instant nobody's, and on a busy machine an engine takes seconds to remove a volume.
const LOOKS: (u32, Duration) = (12, Duration::from_millis(300));

/// What stands in a finding in a page's place.
pub const PLACE: &str = "docker";

/// Something on the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    kind: &'static str,
    id: String,
    /// The run that it belongs to. Empty when it has no label.
    run: String,
    name: String,
}

/// Kind, arguments that list all of them (id, label, name), arguments that remove one.
const KINDS: [(&str, &[&str], &[&str]); 3] = [
    (
        "container",
        &[
            "ps",
            "--all",
            "--no-trunc",
            "--format",
            "{{.ID}}\t{{.Label \"book.test\"}}\t{{.Names}} ({{.Image}})",
        ],
        &["rm", "--force", "--volumes"],
    ),
    (
        "network",
        &[
            "network",
            "ls",
            "--no-trunc",
            "--format",
            "{{.ID}}\t{{.Label \"book.test\"}}\t{{.Name}}",
        ],
        &["network", "rm"],
    ),
    (
        "volume",
        &[
            "volume",
            "ls",
            "--format",
            "{{.Name}}\t{{.Label \"book.test\"}}\t{{.Name}}",
        ],
        &["volume", "rm"],
    ),
];

fn docker(args: &[&str]) -> String {
    // An engine that does not answer has nothing.
    let out = Command::new("docker").args(args).output();
    out.map_or(String::new(), |out| String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Whether an engine answers.
fn answers() -> bool {
    let version = ["version", "--format", "{{.Server.Version}}"];
    Command::new("docker")
        .args(version)
        .output()
        .is_ok_and(|out| out.status.success())
}

fn things() -> BTreeSet<Thing> {
    let mut things = BTreeSet::new();
    for (kind, list, _) in KINDS {
        for line in docker(list).lines() {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            if let (Some(id), Some(run), Some(name)) = (fields.next(), fields.next(), fields.next()) {
                things.insert(Thing { kind, id, run, name });
            }
        }
    }
    things
}

/// The run of each volume that a labelled container uses, and that bears no label itself: the image asked for it.
fn volumes_of_runs() -> BTreeMap<String, String> {
    volumes_by_run(&docker(&[
        "ps",
        "--all",
        "--no-trunc",
        "--format",
        "{{.Label \"book.test\"}}\t{{.Mounts}}",
    ]))
}

/// From lines of `run, volume,volume`.
fn volumes_by_run(listed: &str) -> BTreeMap<String, String> {
    let rows = listed.lines().filter_map(|line| line.split_once('\t'));
    rows.filter(|(run, _)| !run.is_empty())
        .flat_map(|(run, mounts)| mounts.split(',').map(|volume| (volume.to_owned(), run.to_owned())))
        .filter(|(volume, _)| !volume.is_empty())
        .collect()
}

/// Things by kind and name, as a session's commands name them.
pub type Names = BTreeSet<(&'static str, String)>;

/// The names that commands give to what they start: `--name NAME`, `network create NAME`, `volume create NAME`.
pub fn named(commands: &str) -> Names {
    let mut names = Names::new();
    let words: Vec<&str> = commands.split_whitespace().filter(|w| *w != "\\").collect();
    for (i, word) in words.iter().enumerate() {
        let after = words.get(i + 1).map(|w| (*w).to_owned());
        match *word {
            "--name" => names.extend(after.map(|name| ("container", name))),
            "create" => {
                let kind = ["network", "volume"].into_iter().find(|k| i > 0 && words[i - 1] == *k);
                let name = words[i + 1..].iter().find(|w| !w.starts_with('-'));
                names.extend(kind.zip(name.map(|n| (*n).to_owned())));
            }
            _ => names.extend(word.strip_prefix("--name=").map(|name| ("container", name.to_owned()))),
        }
    }
    names
}

impl Thing {
    /// Its kind and its name alone.
    pub fn key(&self) -> (&'static str, String) {
        (self.kind, self.name.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Takes it off the engine.
    pub fn remove(&self) {
        let how = KINDS.iter().find(|(kind, ..)| *kind == self.kind);
        let mut args = how.map_or(vec!["image", "rm", "--force"], |(_, _, how)| how.to_vec());
        args.push(&self.id);
        docker(&args);
    }
}

/// Notes the names that a session is about to give, none of which is taken: should the run be killed, the next one
/// knows whose they are.
pub fn note(work: &Path, names: &Names) -> Result<()> {
    let mut mark = std::fs::File::options()
        .append(true)
        .create(true)
        .open(work.join(MARK))?;
    for (kind, name) in names {
        writeln!(mark, "{kind} {name}")?;
    }
    Ok(())
}

/// What is on the engine and belongs to no run.
pub fn of_nobody() -> BTreeSet<Thing> {
    let volumes = volumes_of_runs();
    let mut things = things();
    things.retain(|thing| thing.run.is_empty() && !(thing.kind == "volume" && volumes.contains_key(&thing.id)));
    things
}

/// A run that is under way has this file in the machine's common folder; in it, where its mark is.
fn sign(run: &str) -> PathBuf {
    book_setup::common_folder().join(format!("{SIGN}{run}"))
}

/// The names that sessions of other runs on this machine have given.
fn names_of_others(run: &str) -> BTreeSet<String> {
    let own = sign(run);
    let files = std::fs::read_dir(book_setup::common_folder());
    let signs = files.into_iter().flatten().flatten().map(|entry| entry.path());
    signs
        .filter(|path| *path != own && path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(SIGN)))
        .filter_map(|path| {
            let mark = PathBuf::from(std::fs::read_to_string(&path).ok()?);
            // One that is empty is being written.
            if !mark.as_os_str().is_empty() && !mark.exists() {
                // Of a run that was killed, and whose folder is gone: nobody else would take it away.
                let _ = std::fs::remove_file(&path);
            }
            std::fs::read_to_string(mark).ok()
        })
        .flat_map(|mark| mark.lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// What is on the engine, was not before, and belongs to no run, as far as this one can know.
pub fn appeared(run: &str, before: &BTreeSet<Thing>) -> BTreeSet<Thing> {
    let mut found = of_nobody();
    found.retain(|thing| !before.contains(thing));
    for _ in 1..LOOKS.0 {
        if found.is_empty() {
            break;
        }
        let others = names_of_others(run);
        found.retain(|thing| {
            let (kind, name) = thing.key();
            !others.contains(&format!("{kind} {name}"))
        });
        std::thread::sleep(LOOKS.1);
        let now = of_nobody();
        found.retain(|thing| now.contains(thing));
    }
    found
}

/// The images of a run. Those of no run are the machine's: a build may well leave one.
fn images(run: &str) -> Vec<Thing> {
    let filter = format!("label={LABEL}={run}");
    let list = docker(&[
        "image",
        "ls",
        "--no-trunc",
        "--filter",
        &filter,
        "--format",
        "{{.ID}}\t{{.Repository}}:{{.Tag}}",
    ]);
    let thing = |line: &str| {
        let (id, name) = line.split_once('\t')?;
        Some(Thing {
            kind: "image",
            id: id.to_owned(),
            run: run.to_owned(),
            name: name.to_owned(),
        })
    };
    list.lines().filter_map(thing).collect()
}

/// Removes all that carries a run's label; what that was.
fn remove(run: &str) -> Vec<Thing> {
    let mut own: Vec<Thing> = things().into_iter().filter(|t| t.run == run).collect();
    own.extend(images(run));
    own.iter().for_each(Thing::remove);
    own
}

/// Removes all that a run started, when that run is cut off and nobody compares before and after.
pub fn end(work: &Path, run: &str) {
    remove(run);
    // If they stay, the next run looks for things that are no more.
    let _ = std::fs::remove_file(work.join(MARK));
    let _ = std::fs::remove_file(sign(run));
}

/// Removes what a run that was killed, or is being ended, left behind, and says so.
pub fn clear(work: &Path) {
    let mark = work.join(MARK);
    let Ok(killed) = std::fs::read_to_string(&mark) else {
        return;
    };
    let mut lines = killed.lines();
    let run = lines.next();
    let mut left = run.map(remove).unwrap_or_default();
    // What it says is said; if it stays, the run is taken for one that is under way.
    let _ = run.map(|run| std::fs::remove_file(sign(run)));
    let names: BTreeSet<&str> = lines.collect();
    let sessions = of_nobody().into_iter().filter(|thing| {
        let (kind, name) = thing.key();
        names.contains(format!("{kind} {name}").as_str())
    });
    left.extend(sessions.inspect(Thing::remove));
    for thing in left {
        eprintln!("  removed the {thing}, which a run that was killed had left behind");
    }
}

/// The engine while a run uses it.
#[derive(Debug)]
pub struct Watch {
    run: String,
    before: BTreeSet<Thing>,
    /// Holds the run's name, and those that its sessions gave, as long as the run is not over: a run that was killed
    /// leaves it.
    mark: PathBuf,
}

impl Watch {
    /// Removes what a run that was killed left behind, says so, and notes what is there now.
    pub fn begin(work: &Path, run: &str) -> Result<Watch> {
        clear(work);
        let mark = work.join(MARK);
        std::fs::write(&mark, format!("{run}\n"))?;
        std::fs::write(sign(run), mark.display().to_string())?;
        Ok(Watch {
            run: run.to_owned(),
            before: of_nobody(),
            mark,
        })
    }

    /// What is there now, was not then and is not known yet: a finding each. What carries this run's label is removed.
    pub fn end(self, known: &BTreeSet<Thing>) -> Vec<Finding> {
        if !answers() {
            // The mark stays: the next run removes what nobody can see now.
            return vec![Finding::new(
                PLACE,
                1,
                "the Docker engine answers no more: what the run left there, the next run removes",
                "cargo book setup, then the same again",
            )];
        }
        let mut left = remove(&self.run);
        let unknown = appeared(&self.run, &self.before);
        left.extend(unknown.into_iter().filter(|thing| !known.contains(thing)));
        // If they stay, the next run looks for things that are no more.
        let _ = std::fs::remove_file(&self.mark);
        let _ = std::fs::remove_file(sign(&self.run));
        left.into_iter()
            .map(|thing| {
                Finding::new(
                    PLACE,
                    1,
                    format!("the run left the {thing} behind"),
                    "let the test or the page remove what it starts, also when it fails",
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_volume_that_an_image_asked_for_belongs_to_the_run_of_its_container() {
        let found = volumes_by_run("\tmine\n1-a\tv1,v2\n2-b\t\n");
        let pairs: Vec<(&str, &str)> = found.iter().map(|(volume, run)| (&**volume, &**run)).collect();
        assert_eq!(pairs, [("v1", "1-a"), ("v2", "1-a")]);
    }

    #[test]
    fn a_session_s_names_are_read_from_its_commands() {
        let names = named(
            "$ docker run --detach --name api \\\n    --publish 1:2 image\n$ docker network create --internal back\n\
             $ docker run --name=db image\n$ docker volume create data\n$ docker create image\n",
        );
        let names: Vec<(&str, &str)> = names.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
        assert_eq!(
            names,
            [
                ("container", "api"),
                ("container", "db"),
                ("network", "back"),
                ("volume", "data")
            ]
        );
    }
}
