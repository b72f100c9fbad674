//! Tests about tests: a part of the program runs again in a process of its own, with an environment of its own.

use std::path::Path;
use std::process::{Command, Output};

/// Set in such a process. The parts return at once without it.
pub const PART: &str = "BOOK_SUPPORT_PART";

/// Whether this process is to run a part.
pub fn is_part() -> bool {
    std::env::var_os(PART).is_some()
}

/// Runs one part, with these variables.
pub fn run(part: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", part, "--nocapture"])
        .env_remove("BOOK_BLESS")
        .env_remove("BOOK_NOTES")
        .env(PART, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// All notes of a folder, by line.
#[allow(dead_code, reason = "not each test that includes this file asks what was noted")]
pub fn notes(folder: &Path) -> Vec<serde_json::Value> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
    let text: String = files.collect();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}
