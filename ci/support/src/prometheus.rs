//! Queries that a real Prometheus answers, and rules that promtool tests.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::docker::{run_id, truth};
use crate::engines::{Engine, PROMETHEUS};
use crate::{eventually, evidence, root};

/// The image whose promtool is used: that of the engine itself.
const IMAGE: &str = "prom/prometheus:v3.16.0";

/// Longest that a query may stay without an answer. A rate needs two scrapes.
const ANSWER: Duration = Duration::from_secs(30);

/// One series of an answer, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels, with the metric's name as `__name__` where the query keeps it. A scalar has none.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// The series as Prometheus writes it: `up{job="links"}`, `{route="/{code}"}`.
    pub fn series(&self) -> String {
        let mut labels = self.labels.clone();
        let name = labels.remove("__name__").unwrap_or_default();
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{name}{{{}}}", pairs.join(", "))
    }
}

impl fmt::Display for Sample {
    /// Series and value: `up{job="links"} 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.series(), self.value)
    }
}

impl Engine {
    /// Sends a file of the book to this Prometheus as an instant query, and gives back its answer, sorted by labels.
    /// Asks again as long as the answer is empty or no number, because a scrape takes its time; notes the file as
    /// answered.
    ///
    /// # Panics
    /// When there is no answer in time: with the file, the query, and what Prometheus said last. At once when
    /// Prometheus refuses the query.
    #[track_caller]
    pub fn query(&self, path: &str) -> Vec<Sample> {
        let hash = evidence::hash(path);
        let query = std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        let query = query.trim();
        let url = format!("/api/v1/query?query={}", percent(query));
        let answer = eventually(
            &format!("{path} is answered with something; the query:\n{query}\n"),
            ANSWER,
            || {
                let answer = self.get(PROMETHEUS, &url).map_err(|e| e.to_string())?;
                assert!(
                    answer.status == 200,
                    "{path}: Prometheus refuses the query:\n{query}\n{}",
                    answer.body
                );
                match samples(&answer.body) {
                    Some(samples) if samples.iter().any(|s| !s.value.is_nan()) => Ok(samples),
                    _ => Err(answer.body),
                }
            },
        );
        evidence::note_hashed("answered", path, &hash, &format!("{} series", answer.len()));
        answer
    }
}

/// The samples of an answer to an instant query; `None` where it has another form.
fn samples(body: &str) -> Option<Vec<Sample>> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let data = &answer["data"];
    let number = |value: &Value| value[1].as_str()?.parse::<f64>().ok();
    if data["resultType"] == "scalar" {
        let value = number(&data["result"])?;
        return Some(vec![Sample {
            labels: BTreeMap::new(),
            value,
        }]);
    }
    let rows = data["result"].as_array()?;
    let mut samples: Vec<Sample> = rows
        .iter()
        .map(|row| {
            Some(Sample {
                labels: serde_json::from_value(row["metric"].clone()).ok()?,
                value: number(&row["value"])?,
            })
        })
        .collect::<Option<_>>()?;
    samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    Some(samples)
}

/// A text as a value in a URL.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string takes all"),
        }
    }
    out
}

/// The part of a file for promtool that says which kind it is.
#[derive(Deserialize)]
struct RuleFile {
    #[serde(default)]
    rule_files: Vec<String>,
    tests: Option<serde::de::IgnoredAny>,
}

/// Lets promtool judge a file of the book: a file with `tests:` by `promtool test rules`, together with the rule files
/// that it names; any other as rules, by `promtool check rules`. Notes each of these files as tested, and gives back
/// what promtool printed.
///
/// # Panics
/// When promtool is not content, with what it said; when the image is absent, with the command that brings it.
#[track_caller]
pub fn promtool(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: RuleFile = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{path} is no rules file: {e}"));
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let (verb, what) = match file.tests.is_some() {
        true => ("test", "promtool test rules"),
        false => ("check", "promtool check rules"),
    };
    let mut files = vec![path.to_owned()];
    files.extend(file.rule_files.iter().map(|rules| format!("{folder}/{rules}")));
    let hashes: Vec<String> = files.iter().map(|file| evidence::hash(file)).collect();

    let named = std::iter::once(name).chain(file.rule_files.iter().map(String::as_str));
    let (ok, said) = in_container(&format!("exec promtool {verb} rules '{name}'"), files.iter().zip(named));
    assert!(ok, "{path}: {what} says:\n{said}");
    for (file, hash) in files.iter().zip(&hashes) {
        evidence::note_hashed("tested", file, hash, what);
    }
    evidence::version(IMAGE, &truth(IMAGE));
    said
}

/// Stands at the end of each file on its way into the container.
const END: &str = "=== the end of this file ===";

/// Runs a command in a container that has these files (path below the book's folder, name there): whether it was
/// content, and both outputs. The files go in as a shell's script: that needs no folder that the engine shares with
/// this machine, and no container that is changed before it runs.
#[track_caller]
fn in_container<'a>(command: &str, files: impl Iterator<Item = (&'a String, &'a str)>) -> (bool, String) {
    let mut script = "set -e\n".to_owned();
    for (path, name) in files {
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert!(
            !name.contains(['\'', '/']) && !text.contains(END),
            "{path}: no file for promtool\n  fix: keep a file of tests and its rules in one folder"
        );
        writeln!(script, "cat >'{name}' <<'{END}'\n{text}\n{END}").expect("a string takes all");
    }
    writeln!(script, "{command}").expect("a string takes all");

    let label = format!("book.test={}", run_id());
    let mut run = Command::new("docker")
        .args(["run", "--rm", "--interactive", "--pull=never", "--label", &label])
        // In the place of the volume that the image asks for, which nobody could tell from another run's.
        .args([
            "--tmpfs=/prometheus",
            "--workdir=/tmp",
            "--entrypoint=/bin/sh",
            IMAGE,
            "-s",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
    // A container that does not start reads nothing; what it says is worth more than that.
    let _ = run.stdin.take().map(|mut stdin| stdin.write_all(script.as_bytes()));
    let out = run.wait_with_output().expect("docker ends");
    let said = [&out.stdout, &out.stderr].map(|o| String::from_utf8_lossy(o).into_owned());
    // Docker's own code for what it could not even start.
    assert!(
        out.status.code() != Some(125),
        "promtool has no container: {}\n  fix: cargo book setup --image {IMAGE}",
        said[1].trim()
    );
    (out.status.success(), said.concat().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_sorted_and_written_as_prometheus_does() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"route":"/b"},"value":[1.5,"0.25"]},
            {"metric":{"__name__":"up","job":"a"},"value":[1.5,"1"]}]}}"#;
        let shown: Vec<String> = samples(body).unwrap().iter().map(Sample::to_string).collect();
        assert_eq!(shown, [r#"up{job="a"} 1"#, r#"{route="/b"} 0.25"#]);
        let scalar = r#"{"data":{"resultType":"scalar","result":[1.5,"NaN"]}}"#;
        assert!(samples(scalar).unwrap()[0].value.is_nan());
        assert_eq!(samples(r#"{"data":{"resultType":"vector","result":[]}}"#), Some(vec![]));
        assert_eq!(samples("no JSON"), None);
    }

    #[test]
    fn a_query_fits_into_a_url() {
        assert_eq!(percent("rate(a_b[1m])\n"), "rate%28a_b%5B1m%5D%29%0A");
    }
}
