//! The lab in the page is this crate.

use book_support::lab::{Dice, same_as_native};
use drain::answer;

/// The states that pages begin with.
const SHOWN: &[&str] = &["lag=5&hold=0&drain=10&grace=30&takes=6"];

#[test]
fn webassembly_and_native_say_the_same() {
    let mut dice = Dice::default();
    let mut commands = Vec::new();
    for _ in 0..2000 {
        let bounds = [
            ("lag", 20),
            ("hold", 40),
            ("drain", 60),
            ("grace", 60),
            ("takes", 40),
        ];
        // Now and then one beyond its bounds.
        let pairs = bounds.map(|(name, most)| {
            format!("{name}={}", dice.roll(most + 1))
        });
        commands.push(pairs.join("&"));
    }
    for text in
        ["", "lag", "lag=&hold=-1", "lag=ä&\"", "lag=99999999999"]
    {
        commands.push(text.to_owned());
    }
    same_as_native("drain", answer, SHOWN, &commands);
}

#[test]
fn a_held_back_signal_saves_who_was_still_sent() {
    let none = answer("lag=5&hold=5&drain=10&grace=30&takes=6");
    assert!(none.contains(r#""answer":"0""#), "{none}");
    assert!(
        none.contains(
            "5 served, 0 refused, 0 cut off, 4 sent elsewhere"
        ),
        "{none}"
    );
    let some = answer("lag=5&hold=0&drain=10&grace=30&takes=6");
    assert!(some.contains(r#""answer":"2""#), "{some}");
    assert!(some.contains(r#""word":"refused""#), "{some}");
    let cut = answer("lag=5&hold=25&drain=10&grace=27&takes=20");
    assert!(cut.contains(r#""label":"SIGKILL""#), "{cut}");
    assert!(!cut.contains("deadline"), "{cut}");
    let long = answer("lag=0&hold=0&drain=5&grace=60&takes=40");
    assert!(
        long.contains("4 cut off") || long.contains("3 cut off"),
        "{long}"
    );
    assert!(long.contains("Nothing runs after second 15."), "{long}");
}
