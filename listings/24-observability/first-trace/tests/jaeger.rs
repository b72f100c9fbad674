//! A real Jaeger, asked for what it was sent.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use std::fmt::Write;
use std::time::Duration;

use book_support::engines::{Engine, JAEGER_API, OTLP_HTTP, jaeger};
use book_support::{Matcher, captured_matching, eventually};
use common::{KNOWN, file, printed, run};
use serde_json::Value;

const LOST: &str = env!("CARGO_BIN_EXE_lost");
const KEPT: &str = env!("CARGO_BIN_EXE_kept");

/// All traces of the service, as soon as there is one.
fn traces(jaeger: &Engine) -> Vec<Value> {
    let budget = Duration::from_secs(30);
    eventually("a trace of resolver", budget, || {
        let path = "/api/traces?service=resolver";
        let answer =
            jaeger.get(JAEGER_API, path).map_err(|e| e.to_string())?;
        let traces: Value = serde_json::from_str(&answer.body)
            .map_err(|e| format!("{e}: {}", answer.body))?;
        match traces["data"].as_array() {
            Some(all) if !all.is_empty() => Ok(all.clone()),
            _ => Err(answer.body),
        }
    })
}

fn spans(trace: &Value) -> Vec<&Value> {
    let mut spans: Vec<&Value> =
        trace["spans"].as_array().unwrap().iter().collect();
    // Two may begin in the same microsecond; then names decide.
    spans.sort_by_key(|span| {
        (span["startTime"].as_u64(), span["operationName"].as_str())
    });
    spans
}

fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
    let tags = span["tags"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key).map(|tag| &tag["value"])
}

/// A line for each span: what it is within, its name, its duration.
fn tree(trace: &Value) -> String {
    fn below(spans: &[&Value], parent: &Value, depth: usize) -> String {
        let mut text = String::new();
        for span in spans {
            let own = &span["references"][0]["spanID"];
            if own != parent {
                continue;
            }
            let name = span["operationName"].as_str().unwrap();
            let name = format!("{}{name}", "  ".repeat(depth));
            let ms = span["duration"].as_f64().unwrap() / 1000.0;
            write!(text, "{name:20}{ms:.3} ms").unwrap();
            if let Some(code) = tag(span, "code") {
                write!(text, "   code={code}").unwrap();
            }
            if tag(span, "error").is_some() {
                text.push_str("   error");
            }
            text.push('\n');
            text += &below(spans, &span["spanID"], depth + 1);
        }
        text
    }
    below(&spans(trace), &Value::Null, 0)
}

#[test]
fn only_the_program_that_flushes_is_heard_of() {
    let jaeger = jaeger();
    let collector = jaeger.address(OTLP_HTTP).to_string();
    for program in [LOST, KEPT] {
        let output = run(program, KNOWN, &collector);
        let (answer, log) = printed(&output);
        assert!(output.status.success(), "{log}");
        assert_eq!(
            (answer.trim(), log.as_str()),
            ("https://www.rust-lang.org", "")
        );
    }
    // The one that ended first would be there by now.
    let traces = traces(&jaeger);
    assert_eq!(traces.len(), 1, "{traces:?}");
    captured_matching(
        &file("tree"),
        &tree(&traces[0]),
        &[Matcher::Duration],
    );

    let store = spans(&traces[0])
        .into_iter()
        .find(|span| span["operationName"] == "find_in_store")
        .unwrap();
    assert!(store["duration"].as_u64().unwrap() >= 20_000, "{store}");
}

#[test]
fn a_link_that_is_not_found_is_an_error_in_its_trace() {
    let jaeger = jaeger();
    let collector = jaeger.address(OTLP_HTTP).to_string();
    let output = run(KEPT, "nowhere", &collector);
    assert_eq!(output.status.code(), Some(1));
    let (_, log) = printed(&output);
    assert!(log.contains("there is no link `nowhere`"), "{log}");
    let traces = traces(&jaeger);
    let names: Vec<_> = spans(&traces[0])
        .iter()
        .map(|span| span["operationName"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["follow", "find", "find_in_cache", "find_in_store"]
    );
    captured_matching(
        &file("not-found"),
        &tree(&traces[0]),
        &[Matcher::Duration],
    );
}
