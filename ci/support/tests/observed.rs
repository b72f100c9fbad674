//! Queries, rules and Compose files on the real tools: what is noted of them, and that nothing outlives its test.

mod common;

use std::time::Duration;

use book_support::compose::compose;
use book_support::docker::output;
use book_support::engines::{Engine, PROMETHEUS, prometheus};
use book_support::eventually;
use book_support::prometheus::promtool;
use common::{is_part, notes, run};

const FOLDER: &str = "ci/support/tests/observed";

fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

fn watches_itself() -> Engine {
    let job = "- job_name: itself\n  static_configs: [{ targets: ['localhost:9090'] }]\n";
    prometheus(&format!("global: {{ scrape_interval: 1s }}\nscrape_configs:\n{job}"))
}

#[test]
fn part_asks_prometheus() {
    if is_part() {
        let answer = watches_itself().query(&file("up.promql"));
        let shown: Vec<String> = answer.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#"{job="itself"} 1"#]);
    }
}

#[test]
fn part_is_refused() {
    if is_part() {
        watches_itself().query(&file("refused.promql"));
    }
}

#[test]
fn part_gets_no_answer() {
    if is_part() {
        watches_itself().query(&file("nothing.promql"));
    }
}

#[test]
fn part_tests_rules() {
    if is_part() {
        assert!(promtool(&file("rules.yml")).contains("SUCCESS: 1 rules found"));
        assert!(promtool(&file("rules_test.yml")).contains("SUCCESS"));
    }
}

#[test]
fn part_brings_up() {
    if is_part() {
        let project = compose(&file("compose.yaml"));
        let address = project.address("metrics", PROMETHEUS);
        assert!(address.ip().is_loopback());
        std::net::TcpStream::connect(address).unwrap();
        eventually(
            "the log of the other service",
            Duration::from_secs(30),
            || match project.logs() {
                logs if logs.contains("ready") => Ok(()),
                logs => Err(logs),
            },
        );
        let filter = format!("label=com.docker.compose.project={}", project.name());
        let containers = output(&["ps", "--quiet", "--filter", &filter]);
        assert_eq!(containers.lines().count(), 2);
        let volumes = output(&["volume", "ls", "--quiet", "--filter", &filter]);
        assert_eq!(volumes.lines().count(), 1);
    }
}

#[test]
fn part_panics_while_up() {
    if is_part() {
        let _one = compose(&file("compose.yaml"));
        // Ports, names and volumes of the file are no obstacle to a second one.
        let _two = compose(&file("compose.yaml"));
        panic!("with two projects up");
    }
}

#[test]
fn part_does_not_come_up() {
    if is_part() {
        compose(&file("ends.yaml"));
    }
}

/// Runs a part that must pass, and gives back what it noted: verb and file.
#[track_caller]
fn noted(part: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("observed-{part}-{}", std::process::id()).replace('_', "-");
    let out = run(
        part,
        &[("BOOK_NOTES", folder.path().to_str().unwrap()), ("BOOK_RUN", &id)],
    );
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(left(&id), "");
    let notes = notes(folder.path());
    let uses = notes.iter().filter_map(|n| {
        let path = n["path"].as_str()?.strip_prefix(FOLDER)?;
        Some(format!("{} {path}", n["verb"].as_str()?))
    });
    uses.collect()
}

/// Runs a part that must fail, and gives back what it said.
#[track_caller]
fn refused(part: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("observed-{part}-{}", std::process::id()).replace('_', "-");
    let out = run(
        part,
        &[("BOOK_NOTES", folder.path().to_str().unwrap()), ("BOOK_RUN", &id)],
    );
    assert!(!out.status.success());
    assert_eq!(left(&id), "");
    let uses = notes(folder.path());
    let uses: Vec<_> = uses.iter().filter(|n| n["path"].is_string()).collect();
    // A panic in the middle follows what went well before it, and nothing else.
    assert!(uses.iter().all(|n| n["verb"] == "brought up"), "{uses:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Containers, networks, volumes and images of one run.
fn left(run: &str) -> String {
    let filter = format!("label=book.test={run}");
    [
        &["ps", "--all", "--quiet"][..],
        &["network", "ls", "--quiet"],
        &["volume", "ls", "--quiet"],
        &["images", "--quiet"],
    ]
    .map(|list| output(&[list, &["--filter", &filter]].concat()))
    .concat()
}

#[test]
fn a_query_that_is_answered_is_noted() {
    assert_eq!(noted("part_asks_prometheus"), ["answered /up.promql"]);
}

#[test]
fn a_query_that_prometheus_refuses_is_shown_with_its_file() {
    let said = refused("part_is_refused");
    for words in ["refused.promql: Prometheus refuses", "sum by (job (up)", "parse error"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_query_without_an_answer_is_shown_with_what_prometheus_said() {
    let said = refused("part_gets_no_answer");
    for words in ["nothing.promql", "sum by (job) (no_such_metric)", r#"\"result\":[]"#] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn rules_and_their_tests_are_noted() {
    assert_eq!(
        noted("part_tests_rules"),
        ["tested /rules.yml", "tested /rules_test.yml", "tested /rules.yml"]
    );
}

#[test]
#[should_panic(expected = "exp:[")]
fn rules_that_do_not_hold_are_shown_in_the_words_of_promtool() {
    promtool(&file("wrong_test.yml"));
}

#[test]
fn a_compose_file_is_noted_and_leaves_nothing() {
    assert_eq!(noted("part_brings_up"), ["brought up /compose.yaml"]);
}

#[test]
fn two_projects_of_one_file_do_not_meet_and_a_panic_leaves_neither() {
    let said = refused("part_panics_while_up");
    assert!(said.contains("with two projects up"), "{said}");
}

#[test]
fn a_service_that_ends_is_shown_with_its_log() {
    let said = refused("part_does_not_come_up");
    for words in ["ends.yaml does not come up", "gone wrong"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
#[should_panic(expected = "Additional property comand is not allowed")]
fn an_unknown_word_of_a_compose_file_is_refused() {
    compose(&file("unknown.yaml"));
}
