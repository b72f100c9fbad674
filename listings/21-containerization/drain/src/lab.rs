//! A stop as a picture: a row for each request, as long as it lasts.

use book_lab::{Command, Kind, Mark, Row, Scene, Wrong};

use crate::stop::{Outcome, Request, Seconds, Settings, Times};

/// When the pod is told to go.
const STOP: Seconds = 10;
/// The picture's end.
const END: Seconds = 60;
/// Requests come this far apart, from the second second on.
const APART: Seconds = 3;
const REQUESTS: u32 = 9;

// ANCHOR: answer
/// Answers `lag=5&hold=0&drain=10&grace=30&takes=6` with a picture.
pub fn answer(command: &str) -> String {
    book_lab::json(scene(Command::of(command)))
}
// ANCHOR_END: answer

fn scene(command: Command<'_>) -> Result<Scene, Wrong> {
    let settings = Settings {
        lag: command.number("lag", 0..=20)?,
        hold: command.number("hold", 0..=40)?,
        drain: command.number("drain", 1..=60)?,
        grace: command.number("grace", 1..=60)?,
    };
    let takes = command.number("takes", 1..=40)?;
    let times = settings.times(STOP);
    let requests: Vec<(Request, Outcome)> = (0..REQUESTS)
        .map(|n| Request { at: 1 + n * APART, takes })
        .map(|request| (request, times.outcome(request)))
        .collect();
    let failed = count(&requests, Outcome::Refused)
        + count(&requests, Outcome::CutOff);
    Ok(Scene {
        says: says(&requests, &times),
        answer: failed.to_string(),
        unit: "seconds",
        end: END,
        rows: requests.iter().map(|r| row(*r, &times)).collect(),
        marks: marks(&settings),
    })
}

fn count(requests: &[(Request, Outcome)], of: Outcome) -> usize {
    requests.iter().filter(|(_, outcome)| *outcome == of).count()
}

fn says(requests: &[(Request, Outcome)], times: &Times) -> String {
    let count = |of| count(requests, of);
    let cut = count(Outcome::CutOff);
    let last = requests
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Served)
        .map(|(request, _)| request.at + request.takes)
        .max();
    let over = match cut {
        0 => last.unwrap_or(0).max(times.closed),
        _ => times.over,
    };
    format!(
        "{} served, {} refused, {cut} cut off, {} sent elsewhere. Nothing runs after second {over}.",
        count(Outcome::Served),
        count(Outcome::Refused),
        count(Outcome::Elsewhere),
    )
}

fn row((request, outcome): (Request, Outcome), times: &Times) -> Row {
    let done = request.at + request.takes;
    let (word, kind, to) = match outcome {
        Outcome::Served => ("served", Kind::Good, done),
        Outcome::Refused => ("refused", Kind::Bad, request.at),
        Outcome::CutOff => ("cut off", Kind::Bad, times.over),
        Outcome::Elsewhere => {
            ("sent elsewhere", Kind::Quiet, request.at)
        }
    };
    Row {
        label: format!("at second {}", request.at),
        word: word.into(),
        kind,
        from: request.at,
        to: to.min(END),
    }
}

fn marks(settings: &Settings) -> Vec<Mark> {
    let term = STOP + settings.hold;
    let killed = STOP + settings.grace;
    let mut marks = match settings.hold {
        0 => vec![Mark { at: STOP, label: "stop, SIGTERM" }],
        _ => vec![
            Mark { at: STOP, label: "stop" },
            Mark { at: term, label: "SIGTERM" },
        ],
    };
    marks.push(Mark { at: term + settings.drain, label: "deadline" });
    // Whatever would come later does not come.
    marks.retain(|mark| mark.at < killed);
    marks.push(Mark { at: killed, label: "SIGKILL" });
    marks.retain(|mark| mark.at <= END);
    marks
}
