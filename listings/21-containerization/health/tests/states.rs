//! What an engine makes of a HEALTHCHECK.

mod engine;

use book_support::docker::{Build, Image};
use book_support::{captured, eventually};
use engine::{BUDGET, Container, file};

fn links_api() -> Image {
    Build::of(
        "listings/21-containerization/images/minimal.Dockerfile",
        "listings/21-containerization/links-api",
    )
    .run()
}

const STATE: &str =
    "{{.State.Health.Status}} {{.State.Health.FailingStreak}}";

/// Waits until the engine says so.
fn becomes(container: &Container, state: &str) {
    eventually(state, BUDGET, || match container.inspect(STATE) {
        seen if seen == state => Ok(()),
        other => Err(other),
    });
}

#[test]
fn an_engine_counts_and_does_nothing_else() {
    let image = links_api();
    let flags = [
        "--health-interval=2s",
        "--health-timeout=3s",
        "--health-retries=2",
        "--restart=always",
    ];
    let container = Container::run(&image, &flags, &[]);
    let mut table = format!("{:22}status    failures\n", "");
    let mut row = |what: &str, seen: &str| {
        let (status, failures) = seen.split_once(' ').unwrap();
        table += &format!("{what:22}{status:10}{failures}\n");
    };
    row("started", &container.inspect(STATE));
    becomes(&container, "healthy 0");
    row("it answers", "healthy 0");
    container.signal("STOP");
    becomes(&container, "healthy 1");
    row("frozen, one probe", "healthy 1");
    becomes(&container, "unhealthy 2");
    row("frozen, two probes", "unhealthy 2");
    becomes(&container, "unhealthy 3");
    let state = container.inspect(
        "{{.State.Status}}, restarted {{.RestartCount}} times",
    );
    container.signal("CONT");
    becomes(&container, "healthy 0");
    row("goes on", "healthy 0");
    table += &format!("\nmeanwhile the container was {state}");
    captured(&file("states"), &table);
}

#[test]
fn a_probe_that_waits_longer_than_the_engine_says_nothing() {
    const LAST: &str =
        "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}\n{{end}}";
    let image = links_api();
    let mut said = String::new();
    for timeout in ["3s", "1s"] {
        let flag = format!("--health-timeout={timeout}");
        let flags =
            ["--health-interval=1s", "--health-retries=1", &flag];
        let container = Container::run(&image, &flags, &[]);
        becomes(&container, "healthy 0");
        container.signal("STOP");
        becomes(&container, "unhealthy 1");
        let log = container.inspect(LAST);
        let failed = log
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with("0 "));
        said += &format!(
            "--health-timeout={timeout}\n{}\n",
            failed.unwrap()
        );
    }
    captured(&file("said"), &said);
}

#[test]
fn failures_while_it_starts_do_not_count() {
    let folder = "listings/21-containerization/health";
    let small = format!("{folder}/small.Dockerfile");
    let image = Build::of(&small, &format!("{folder}/src/bin")).run();
    let mut table = String::new();
    for flag in
        ["--health-start-period=0s", "--health-start-period=60s"]
    {
        let flags = [
            "--health-cmd=false",
            "--health-interval=1s",
            "--health-retries=2",
            flag,
        ];
        let container = Container::run(&image, &flags, &[]);
        let asked = || {
            let log = container.inspect("{{len .State.Health.Log}}");
            if log == "3" { Ok(()) } else { Err(log) }
        };
        eventually("three probes", BUDGET, asked);
        let status = container.inspect("{{.State.Health.Status}}");
        table += &format!("{flag:28}{status}\n");
    }
    captured(&file("start-period"), &table);
}
