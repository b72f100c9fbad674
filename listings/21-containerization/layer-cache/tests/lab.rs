//! The lab in the page is this crate.

use book_support::lab::{Dice, same_as_native};
use layer_cache::answer;
use layer_cache::lab::{EDITS, ORDERS};

/// The states that pages begin with.
const SHOWN: &[&str] = &["order=sources-first&edit=source"];

#[test]
fn webassembly_and_native_say_the_same() {
    let mut commands = Vec::new();
    for (order, _) in ORDERS {
        for (edit, _) in EDITS {
            commands.push(format!("order={order}&edit={edit}"));
        }
    }
    let mut dice = Dice::default();
    let words =
        ["order", "edit", "=", "&", "mount", "\"", "ä", "source"];
    for _ in 0..500 {
        let length = dice.roll(9);
        let text: String =
            (0..length).map(|_| *dice.pick(&words)).collect();
        commands.push(text);
    }
    same_as_native("layer-cache", answer, SHOWN, &commands);
}

#[test]
fn each_step_says_what_became_of_it() {
    let said = answer("order=mount&edit=manifest");
    for words in [
        r#""says":"2 of 4 steps run again and compile 2 crates.""#,
        r#""answer":"2""#,
        r#""word":"cached""#,
        r#""word":"again, 2 crates""#,
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let said = answer("order=planner&edit=readme");
    assert!(
        said.contains("4 of 11 steps run again and compile 1 crate."),
        "{said}"
    );
    let said = answer("order=mount&edit=nothing");
    assert!(said.contains("All 4 steps come from the cache."));
    let said = answer("order=mount&edit=readme");
    assert!(said.contains("compile no crate."), "{said}");
    assert_eq!(answer("order=mount"), r#"{"error":"edit is missing"}"#);
}
