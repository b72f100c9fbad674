//! The same Dockerfiles on a real engine: the steps that run again are those of the model.

use std::path::Path;
use std::time::SystemTime;

use book_support::captured;
use book_support::docker::{Build, Image};
use layer_cache::cache::{File, Step, runs_again};
use layer_cache::lab::{EDITS, ORDERS};

const HERE: &str = "listings/21-containerization/layer-cache";

fn build(order: &str) -> Build {
    Build::of(
        &format!("{HERE}/{order}.Dockerfile"),
        &format!("{HERE}/tests/context"),
    )
}

/// Appends a line that no earlier run has left in the engine's cache.
fn edit(context: &Path, file: Option<File>) {
    let names: &[&str] = match file {
        None => &[],
        Some(File::Source) => &["src/main.rs"],
        Some(File::Readme) => &["README.md"],
        Some(File::Manifest) => &["Cargo.toml"],
    };
    let mark = match file {
        Some(File::Source) => "//",
        _ => "#",
    };
    for name in names {
        let path = context.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = format!("{mark} {:?}\n", SystemTime::now());
        std::fs::write(&path, text + &line).unwrap();
    }
}

/// The steps that the engine ran, as the Dockerfile says them, sorted.
fn ran(image: &Image) -> Vec<String> {
    let log = image.log();
    let steps = log.lines().filter_map(|line| {
        let (number, step) = line.split_once(' ')?;
        let (place, text) = step.split_once("] ")?;
        let ours = place.starts_with('[') && place != "[internal";
        let cached = format!("{number} CACHED");
        (ours && !log.lines().any(|l| l == cached))
            .then(|| (number.to_owned(), squeezed(text)))
    });
    let mut steps: Vec<(String, String)> = steps.collect();
    steps.sort();
    // A log may name a step again when its output goes on.
    steps.dedup();
    let mut steps: Vec<String> =
        steps.into_iter().map(|(_, text)| text).collect();
    // A base image is there or not; it is no step of ours.
    steps.retain(|text| !text.starts_with("FROM "));
    steps.sort();
    steps
}

/// As the engine prints a long line: without the breaks.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each step of a Dockerfile, and whether the engine ran it. The base
/// image is there or not; it is no step of ours.
fn steps_of(steps: &[Step], ran: &[String]) -> String {
    let ours = steps.iter().filter(|s| !s.text.starts_with("FROM "));
    let lines = ours.map(|step| {
        let again = ran.iter().any(|text| text == step.text);
        let word = if again { "run" } else { "cached" };
        format!("{word:6}  {}", step.text)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn predicted(steps: &[Step], edited: Option<File>) -> Vec<String> {
    let again = runs_again(steps, edited);
    let steps = steps.iter().zip(again).filter(|(_, again)| *again);
    let mut texts: Vec<String> =
        steps.map(|(step, _)| step.text.to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn the_engine_runs_the_steps_that_the_model_says() {
    let mut table = format!(
        "{:16} {:9} {:>5}  {:>6}\n",
        "Dockerfile", "edited", "model", "engine"
    );
    for (order, steps) in ORDERS {
        // From here on, all that is left out was built before.
        let first = build(order).run();
        assert!(first.log().contains("] FROM "), "{}", first.log());
        for (word, edited) in EDITS {
            let image = build(order).run_with(|dir| edit(dir, *edited));
            let (model, engine) =
                (predicted(steps, *edited), ran(&image));
            assert_eq!(
                engine,
                model,
                "{order} {word}:\n{}",
                image.log()
            );
            if *word == "source" {
                let file = format!("{HERE}/captured/{order}-again.txt");
                captured(&file, &steps_of(steps, &engine));
            }
            table += &format!(
                "{order:16} {word:9} {:>5}  {:>6}\n",
                model.len(),
                engine.len()
            );
        }
    }
    captured(&format!("{HERE}/captured/model-and-engine.txt"), &table);
}
