//! The rule, at its edges.

use drain::stop::{Outcome, Request, Settings};

const SETTINGS: Settings =
    Settings { lag: 4, hold: 2, drain: 10, grace: 30 };

fn outcome(settings: Settings, at: u32, takes: u32) -> Outcome {
    settings.times(10).outcome(Request { at, takes })
}

#[test]
fn what_comes_before_the_listener_closes_is_served() {
    assert_eq!(outcome(SETTINGS, 11, 11), Outcome::Served);
    assert_eq!(outcome(SETTINGS, 11, 12), Outcome::CutOff);
    assert_eq!(outcome(SETTINGS, 12, 1), Outcome::Refused);
    assert_eq!(outcome(SETTINGS, 14, 1), Outcome::Elsewhere);
}

#[test]
fn a_hold_as_long_as_the_lag_refuses_nobody() {
    for lag in 0..20 {
        let settings = Settings { lag, hold: lag, ..SETTINGS };
        for at in 0..60 {
            let outcome = outcome(settings, at, 1);
            assert_ne!(outcome, Outcome::Refused, "{lag} {at}");
        }
    }
}

#[test]
fn the_kubelet_ends_what_asks_for_more_than_its_grace() {
    let greedy = Settings { hold: 20, drain: 60, ..SETTINGS };
    assert_eq!(outcome(greedy, 9, 31), Outcome::Served);
    assert_eq!(outcome(greedy, 9, 32), Outcome::CutOff);
    let held_too_long = Settings { lag: 50, hold: 40, ..SETTINGS };
    assert_eq!(outcome(held_too_long, 39, 1), Outcome::Served);
    assert_eq!(outcome(held_too_long, 40, 1), Outcome::Refused);
}
