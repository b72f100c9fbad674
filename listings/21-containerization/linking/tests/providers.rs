//! Two providers of TLS in one program: it does not know which to take, until it is told.

use book_support::captured;
use linking::{file, image, said};

/// It has no address in any network; nobody is asked.
const URL: &str = "https://linking-target.invalid/";

fn ends(target: &str) -> (Option<i32>, String) {
    let image = image("providers", "link-check", target);
    let ended = image.run_to_end(&["--network=none"], &[URL]);
    (ended.status.code(), said(&ended))
}

#[test]
fn two_providers_and_no_decision_are_a_panic() {
    let (code, said) = ends("undecided");
    assert_eq!(code, Some(101), "{said}");
    let message: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("Could not"))
        .take_while(|line| !line.starts_with("note:"))
        .collect();
    captured(&file("undecided"), &message.join("\n"));
}

#[test]
fn a_decision_in_main_is_enough() {
    let (code, said) = ends("decided");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has no address"), "{said}");
}

#[test]
fn the_second_comes_with_a_default_feature() {
    let image = image("providers", "link-check", "build");
    let tree = ["cargo", "tree", "--offline", "--invert", "aws-lc-rs"];
    let more = ["--depth", "2", "--edges", "normal"];
    let tree = image.run_to_end(&[], &[&tree[..], &more[..]].concat());
    assert!(tree.status.success(), "{tree:?}");
    assert!(said(&tree).contains("tokio-rustls"), "{tree:?}");
}
