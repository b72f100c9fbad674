//! A build argument above the costly step, and below it.

mod common;

use book_support::captured;
use common::{HERE, REPORT, build, steps, unique};

/// What a second build did, of which only the commit is another.
fn next_commit(dockerfile: &str) -> String {
    let path = format!("{HERE}/{dockerfile}.Dockerfile");
    let of = |commit: &str| {
        build(&path, REPORT)
            .arg(&format!("--build-arg=COMMIT={commit}"))
    };
    let first = of(&unique("first")).run();
    let second = of(&unique("second")).run();
    drop(first);
    let steps = steps(&second);
    let file = format!("{HERE}/captured/{dockerfile}-commit.txt");
    captured(&file, &steps.lines());
    steps.lines()
}

#[test]
fn an_argument_above_a_step_belongs_to_it_and_below_costs_nothing() {
    let lines = next_commit("trap");
    let cook = "run     RUN cargo chef cook --release --locked  (";
    assert!(lines.contains(cook), "{lines}");

    let lines = next_commit("chef");
    let cook = "cached  RUN cargo chef cook --release --locked\n";
    assert!(lines.contains(cook), "{lines}");
    assert!(!lines.contains("crate)"), "{lines}");
}
