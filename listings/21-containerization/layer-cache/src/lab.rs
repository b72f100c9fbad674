//! A build as a picture: a row for each step, as long as what it compiles.

use book_lab::{Command, Kind, Row, Scene, Wrong};

use crate::cache::{File, Step, runs_again};
use crate::order::{MANIFESTS_FIRST, MOUNT, PLANNER, SOURCES_FIRST};
use crate::work::DEPENDENCIES;

/// What `order=` may say.
pub const ORDERS: &[(&str, &[Step])] = &[
    ("sources-first", SOURCES_FIRST),
    ("manifests-first", MANIFESTS_FIRST),
    ("planner", PLANNER),
    ("mount", MOUNT),
];

/// What `edit=` may say.
pub const EDITS: &[(&str, Option<File>)] = &[
    ("nothing", None),
    ("source", Some(File::Source)),
    ("readme", Some(File::Readme)),
    ("manifest", Some(File::Manifest)),
];

/// Room for everything, one dependency more, and the program twice.
const LONGEST: u32 = DEPENDENCIES + 4;

// ANCHOR: answer
/// Answers `order=sources-first&edit=source` with a picture.
pub fn answer(command: &str) -> String {
    book_lab::json(scene(Command::of(command)))
}
// ANCHOR_END: answer

fn scene(command: Command<'_>) -> Result<Scene, Wrong> {
    let steps = command.one_of("order", ORDERS)?;
    let edited = command.one_of("edit", EDITS)?;
    let again = runs_again(steps, edited);
    let mut compiled = 0;
    let row = |(step, again): (&Step, &bool)| {
        let crates = if *again { step.work.crates(edited) } else { 0 };
        let from = compiled;
        compiled += crates;
        Row {
            label: short(step.text),
            word: word(*again, crates),
            kind: if *again { Kind::Open } else { Kind::Good },
            from,
            to: compiled,
        }
    };
    let rows: Vec<Row> = steps.iter().zip(&again).map(row).collect();
    let ran = again.iter().filter(|again| **again).count();
    Ok(Scene {
        says: says(ran, steps.len(), compiled),
        answer: ran.to_string(),
        unit: "crates compiled",
        end: LONGEST,
        rows,
        marks: Vec::new(),
    })
}

fn says(ran: usize, steps: usize, compiled: u32) -> String {
    match ran {
        0 => format!("All {steps} steps come from the cache."),
        1 => format!(
            "1 of {steps} steps runs again and compiles {}.",
            crates(compiled)
        ),
        _ => format!(
            "{ran} of {steps} steps run again and compile {}.",
            crates(compiled)
        ),
    }
}

fn word(again: bool, compiled: u32) -> String {
    match (again, compiled) {
        (false, _) => "cached".into(),
        (true, 0) => "runs again".into(),
        (true, _) => format!("again, {}", crates(compiled)),
    }
}

fn crates(count: u32) -> String {
    match count {
        0 => "no crate".into(),
        1 => "1 crate".into(),
        _ => format!("{count} crates"),
    }
}

/// As much of a step as fits beside what became of it.
fn short(text: &str) -> String {
    const MOST: usize = 22;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short += " …";
    }
    short
}
