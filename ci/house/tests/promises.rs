//! What the README, CONTRIBUTING and the files beside them promise, and what no file of the repository may hold.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use book_support::{listing, root};
use regex::Regex;

/// What somebody reads before they have the book.
const DOORS: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

fn lines(path: &str) -> Vec<String> {
    listing(path).lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_readme_gives_one_command_to_read_and_one_to_prove() {
    let readme = listing("README.md");
    for command in ["cargo book serve", "cargo book test --all"] {
        let block = format!("```console\n{command}\n```\n");
        assert!(readme.contains(&block), "README.md has no block of `{command}` alone");
    }
}

#[test]
fn cargo_book_needs_no_installation() {
    let config: toml::Table = listing(".cargo/config.toml").parse().expect("TOML");
    assert_eq!(config["alias"]["book"].as_str(), Some("run --quiet --package book --"));
}

#[test]
fn continuous_integration_runs_the_readmes_command() {
    let command = "exec cargo book test --all";
    assert!(
        lines(".ci/run").iter().any(|line| line == command),
        ".ci/run has no line `{command}`"
    );
    let mode = root().join(".ci/run").metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o111, 0o111, ".ci/run is not executable");

    let workflow = lines(".github/workflows/book.yml");
    assert!(
        workflow
            .iter()
            .any(|line| line.starts_with("- run: cargo book test --all --shard ")),
        "the workflow does not run `cargo book test --all --shard`"
    );
}

#[test]
fn the_workflow_brings_the_tools_of_the_clusters_release() {
    let workflow = lines(".github/workflows/book.yml");
    let image = lines("k8s/kind.yaml")
        .iter()
        .find_map(|line| Some(line.strip_prefix("image: kindest/node:")?.to_owned()))
        .expect("k8s/kind.yaml names the node's image");
    assert!(
        workflow.contains(&format!("KUBERNETES: {image}")),
        "the workflow brings another kubectl than that of the node's image, {image}"
    );
    assert!(
        workflow
            .iter()
            .any(|line| line.starts_with("go install \"sigs.k8s.io/kind@"))
    );
}

#[test]
fn each_command_that_a_reader_is_told_is_one() {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for file in DOORS {
        for (line, command) in house::commands(&listing(file), "cargo book") {
            told.entry(command).or_insert(format!("{file}:{line}"));
        }
    }
    assert!(told.len() > 4, "{told:?}");
    told.insert("cargo book tset".into(), "a misspelling".into());
    told.insert("cargo book test --lane dokcer".into(), "a misspelling".into());

    // The words are read, and then help is given instead of what they ask for.
    let wrong: Vec<&str> = told
        .iter()
        .filter(|(command, _)| {
            let out = Command::new("sh")
                .args(["-c", &format!("{command} --help")])
                .current_dir(root())
                .output()
                .expect("a shell");
            !out.status.success()
        })
        .map(|(_, at)| at.as_str())
        .collect();
    assert_eq!(
        wrong, ["a misspelling"; 2],
        "commands that `cargo book` does not take stand here"
    );
}

#[test]
fn each_link_leads_to_a_file() {
    for file in DOORS {
        for (line, link) in house::links(&listing(file)) {
            assert!(root().join(&link).exists(), "{file}:{line}: there is no {link}");
        }
    }
}

/// Files that are read here are not noted as used: searching a listing proves nothing of it.
#[test]
fn no_file_names_a_machine_or_a_registry() {
    let home = std::env::var("HOME").unwrap_or_default();
    let here = root();
    // Put together here, or this file would be found.
    let mut words: Vec<String> = [
        ["deb", "debian.org"],
        ["security", "debian.org"],
        ["index", "crates.io"],
        ["static", "crates.io"],
        ["registry", "npmjs.org"],
        ["files", "pythonhosted.org"],
        ["proxy", "golang.org"],
        ["sum", "golang.org"],
        ["repo1", "maven.org"],
    ]
    .map(|parts| regex::escape(&parts.join(".")))
    .into();
    words.push(["/ro", "ot/"].concat());
    words.push(["/ho", "me/[a-z0-9_-]+/"].concat());
    for folder in [Path::new(&home), &here] {
        let text = folder.to_string_lossy();
        // `/` and `/root` stand in many a word.
        if text.matches('/').count() > 1 {
            words.push(format!("{}\\b", regex::escape(&text)));
        }
    }
    let forbidden = Regex::new(&words.join("|")).expect("an expression");

    let out = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(&here)
        .output()
        .expect("git");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let names = String::from_utf8(out.stdout).expect("names");
    let mut files = 0;
    let mut found = Vec::new();
    for name in names.split_terminator('\0') {
        // What is no text, or is gone from the work tree, has no line to show.
        let Ok(text) = std::fs::read_to_string(here.join(name)) else {
            continue;
        };
        files += 1;
        let hits = text.lines().enumerate().filter(|(_, line)| forbidden.is_match(line));
        found.extend(hits.map(|(n, line)| format!("{name}:{}: {}", n + 1, line.trim())));
    }
    assert!(files > 50, "git knows {files} files");
    assert!(
        found.is_empty(),
        "a machine's path or a registry's host:\n{}",
        found.join("\n")
    );
}
