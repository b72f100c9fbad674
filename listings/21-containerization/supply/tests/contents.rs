//! What is in an image: read back from the program in it.

mod common;

use std::process::Command;

use book_support::docker::human_size;
use book_support::{
    Matcher, Tolerance, captured_matching, fact, fact_within,
};
use common::{build, file};
use supply::contents::{Package, bill, packages};

#[test]
fn a_program_names_the_crates_that_it_was_made_from() {
    let image = build("auditable.Dockerfile").run();
    let program = image.file("/links-api");
    let held = packages(&program).unwrap();
    let own: Vec<_> = held.iter().filter(|p| p.root).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].name, "links-api");

    // Each crate in the program is one of the lock file, at its version.
    let lock = book_support::listing(
        "listings/21-containerization/links-api/Cargo.lock",
    );
    let locked: Vec<(&str, &str)> =
        lock.split("[[package]]").skip(1).map(named).collect();
    for Package { name, version, .. } in &held {
        let pair = (name.as_str(), version.as_str());
        assert!(locked.contains(&pair), "{pair:?} is not locked");
    }
    // The lock file also names what only tests use.
    assert!(held.len() < locked.len());
    fact(&file("crates-locked"), format!("{} crates", locked.len()));
    fact(&file("crates-held"), format!("{} crates", held.len()));

    let bill = bill(&held);
    let parts = bill["components"].as_array().unwrap();
    assert_eq!(parts.len(), held.len() - 1);
    let tokio = parts.iter().find(|part| part["name"] == "tokio");
    let text = serde_json::to_string_pretty(tokio.unwrap()).unwrap();
    captured_matching(&file("tokio"), &text, &[Matcher::Version]);

    fact_within(
        &file("list-size"),
        human_size(section(&program)),
        Tolerance::Percent(25.0),
    );
}

/// Name and version of an entry of a lock file.
fn named(entry: &str) -> (&str, &str) {
    let value = |name: &str| {
        let start = format!("{name} = \"");
        let line = entry.lines().find_map(|l| l.strip_prefix(&start));
        line.map(|value| value.trim_end_matches('"')).unwrap_or("")
    };
    (value("name"), value("version"))
}

/// How many bytes the list takes in the program.
fn section(program: &[u8]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    std::fs::write(&path, program).unwrap();
    let out = Command::new("readelf")
        .args(["--section-headers", "--wide"])
        .arg(&path)
        .output()
        .expect(
            "readelf of binutils, which the compiler's linker brings",
        );
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = text.lines().find(|line| line.contains(".dep-v0"));
    let words: Vec<_> =
        line.expect("a section").split_whitespace().collect();
    let at = words.iter().position(|word| *word == ".dep-v0").unwrap();
    u64::from_str_radix(words[at + 4], 16).unwrap()
}
