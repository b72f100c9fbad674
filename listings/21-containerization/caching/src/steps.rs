//! The whole build, put together from the pieces of the stream.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Deserializer;

use crate::report::Update;

/// One step of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// `[build 3/4] COPY . .`, without the breaks of long lines.
    pub name: String,
    /// Whether the engine took its result from the cache.
    pub cached: bool,
    /// Whether it failed.
    pub failed: bool,
    /// When it began, the last time: the engine may tell first of
    /// another build that waited for the same step.
    pub started: Option<Timestamp>,
    /// When it was done.
    pub completed: Option<Timestamp>,
    /// What its command printed.
    pub printed: Vec<u8>,
    /// The steps that it stands on: digests first, in the end names.
    pub inputs: Vec<String>,
}

/// All steps, each after those that it stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps(Vec<Step>);

/// The stream is none of BuildKit's.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It holds no object at all.
    #[error("this is no report of a build")]
    NoReport,
}

// ANCHOR: read
impl Steps {
    /// Reads a report to its end. Behind the last object, buildx may
    /// say in words why the build failed; those are left out.
    ///
    /// # Errors
    /// When there is no step in it.
    pub fn read(from: impl Read) -> Result<Steps, Unreadable> {
        let updates = Deserializer::from_reader(from).into_iter();
        let mut seen = BTreeMap::new();
        for update in updates.map_while(Result::ok) {
            take(update, &mut seen);
        }
        if seen.is_empty() {
            return Err(Unreadable::NoReport);
        }
        Ok(Steps(in_order(seen)))
    }
}
// ANCHOR_END: read

// ANCHOR: take
/// Adds what is new to what is known, by the steps' digests.
fn take(update: Update, seen: &mut BTreeMap<String, Step>) {
    for vertex in update.vertexes {
        let step = seen.entry(vertex.digest).or_default();
        step.name = one_line(&vertex.name);
        step.inputs = vertex.inputs;
        step.cached |= vertex.cached;
        step.failed |= !vertex.error.is_empty();
        step.started = vertex.started.or(step.started);
        step.completed = vertex.completed.or(step.completed);
    }
    for log in update.logs {
        let step = seen.entry(log.vertex).or_default();
        step.printed.extend(log.data);
    }
}
// ANCHOR_END: take

fn one_line(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sorted by how many steps lie below each, then by name. Steps at the
/// same height may run at the same time.
///
/// While another build runs the same step, the engine reports it twice,
/// under two digests and one name.
fn in_order(seen: BTreeMap<String, Step>) -> Vec<Step> {
    let names: BTreeMap<String, String> = seen
        .iter()
        .map(|(digest, step)| (digest.clone(), step.name.clone()))
        .collect();
    let mut merged: BTreeMap<String, Step> = BTreeMap::new();
    for mut step in seen.into_values() {
        step.inputs = step
            .inputs
            .iter()
            .filter_map(|digest| names.get(digest).cloned())
            .collect();
        match merged.get_mut(&step.name) {
            Some(known) => merge(known, step),
            None => drop(merged.insert(step.name.clone(), step)),
        }
    }
    let mut heights = BTreeMap::new();
    for name in merged.keys() {
        height(name, &merged, &mut heights);
    }
    let mut steps: Vec<Step> = merged.into_values().collect();
    steps.sort_by_key(|step| heights.get(&step.name).copied());
    steps
}

fn merge(known: &mut Step, other: Step) {
    let ran = |s: &Step| s.completed.is_some() && !s.cached;
    let ran = ran(known) || ran(&other);
    known.cached = !ran && (known.cached || other.cached);
    known.failed |= other.failed;
    known.started = known.started.or(other.started);
    known.completed = known.completed.or(other.completed);
    known.printed.extend(other.printed);
    known.inputs.extend(other.inputs);
}

fn height(
    name: &str,
    steps: &BTreeMap<String, Step>,
    heights: &mut BTreeMap<String, usize>,
) -> usize {
    if let Some(known) = heights.get(name) {
        return *known;
    }
    // Whatever a report says: no step stands on itself.
    heights.insert(name.to_owned(), 0);
    let below = steps.get(name).into_iter().flat_map(|s| &s.inputs);
    let highest = below
        .map(|input| height(input, steps, heights) + 1)
        .max()
        .unwrap_or_default();
    heights.insert(name.to_owned(), highest);
    highest
}

impl Step {
    // ANCHOR: compiled
    /// The crates that cargo compiled in it, as it named them:
    /// `serde v1.0.228`.
    pub fn compiled(&self) -> BTreeSet<String> {
        let text = String::from_utf8_lossy(&self.printed);
        let lines = text.lines().filter_map(|line| {
            line.trim_start().strip_prefix("Compiling ")
        });
        // Behind a crate of our own, cargo names its folder.
        let names = lines.map(|l| l.split(" (").next().unwrap_or(l));
        names.map(|name| name.trim_end().to_owned()).collect()
    }
    // ANCHOR_END: compiled

    // ANCHOR: fate
    /// What became of it, in a word or two.
    pub fn fate(&self) -> &'static str {
        match (self.cached, self.completed) {
            _ if self.failed => "failed",
            (true, _) => "cached",
            (false, Some(_)) => "run",
            (false, None) => "not run",
        }
    }
    // ANCHOR_END: fate

    /// The line of the Dockerfile. Which stage it is of is left out:
    /// the engine runs equal steps of two stages once.
    pub fn text(&self) -> &str {
        self.name.split_once("] ").map_or(&self.name, |(_, t)| t)
    }

    // ANCHOR: overlaps
    /// Whether there was a moment at which both ran.
    pub fn overlaps(&self, other: &Step) -> bool {
        let starts = self.started.max(other.started);
        let ends = self.completed.min(other.completed);
        starts.is_some() && starts < ends
    }
    // ANCHOR_END: overlaps

    /// Whether it is a line of the Dockerfile that makes something: not
    /// the engine's own work, and not the base image.
    pub fn is_ours(&self) -> bool {
        let place = self.name.split_once("] ");
        place.is_some_and(|(place, text)| {
            place.starts_with('[')
                && place != "[internal"
                && !place.starts_with("[context ")
                && !text.starts_with("FROM ")
        })
    }
}

impl Steps {
    /// The steps of the Dockerfile.
    pub fn ours(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter(|step| step.is_ours())
    }

    /// How many crates were compiled, in all steps together. One that
    /// was compiled in two steps counts twice.
    pub fn crates(&self) -> usize {
        self.ours().map(|step| step.compiled().len()).sum()
    }

    /// From the beginning of the first step to the end of the last.
    pub fn took(&self) -> Duration {
        let first = self.0.iter().filter_map(|s| s.started).min();
        let last = self.0.iter().filter_map(|s| s.completed).max();
        match (first, last) {
            (Some(first), Some(last)) => {
                last.duration_since(first).unsigned_abs()
            }
            _ => Duration::ZERO,
        }
    }

    // ANCHOR: lines
    /// A line for each step: whether it ran, and what it compiled.
    pub fn lines(&self) -> String {
        let lines = self.ours().map(|step| {
            let word = step.fate();
            let text = step.text();
            match step.compiled().len() {
                0 => format!("{word:7} {text}\n"),
                1 => format!("{word:7} {text}  (1 crate)\n"),
                n => format!("{word:7} {text}  ({n} crates)\n"),
            }
        });
        lines.collect()
    }
    // ANCHOR_END: lines
}
