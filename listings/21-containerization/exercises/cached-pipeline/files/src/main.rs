//! Reads links from standard input, one a line, and says how many there are to each host.

use std::collections::BTreeMap;
use std::io::{Write, read_to_string, stdin, stdout};

use regex::Regex;

/// What the report is called.
const TITLE: &str = "links by host";

fn main() -> anyhow::Result<()> {
    let host = Regex::new(r"(?m)^https?://([^/:\s]+)")?;
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    for link in host.captures_iter(&read_to_string(stdin())?) {
        *hosts.entry(link[1].to_owned()).or_default() += 1;
    }
    let report = serde_json::json!({ "title": TITLE, "hosts": hosts });
    writeln!(stdout(), "{report}")?;
    Ok(())
}
