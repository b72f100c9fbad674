//! The event: somebody followed a short link.

use serde::{Deserialize, Serialize};

/// The queue that clicks wait in.
pub const QUEUE: &str = "clicks";

/// Where messages go that are no clicks, for a person to look at.
pub const DEAD: &str = "clicks.dead";

// ANCHOR: click
/// Somebody followed a short link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// Made once, where the click happened: a click that is sent
    /// again keeps it, and is counted once.
    pub id: String,
    /// The code that was followed.
    pub code: String,
}
// ANCHOR_END: click

/// Longest id and longest code, in bytes.
const LONGEST: usize = 64;

/// A message that is no click. It says why, and never what it holds.
#[derive(Debug, thiserror::Error)]
pub enum NoClick {
    /// It is no JSON, or not this object.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// One of its fields cannot be kept.
    #[error("{0} is not 1 to {LONGEST} letters, digits and dashes")]
    Field(&'static str),
}

impl Click {
    /// A new click on a link, with an id that no other has.
    pub fn new(code: impl Into<String>) -> Click {
        let id = uuid::Uuid::new_v4().to_string();
        Click { id, code: code.into() }
    }

    // ANCHOR: parse
    /// A click from a message's body. What another program wrote is
    /// checked here, once: a database would refuse it for ever.
    pub fn parse(body: &[u8]) -> Result<Click, NoClick> {
        let click: Click = serde_json::from_slice(body)?;
        for (name, text) in [("id", &click.id), ("code", &click.code)] {
            if !is_key(text) {
                return Err(NoClick::Field(name));
            }
        }
        Ok(click)
    }
    // ANCHOR_END: parse

    /// A message's body.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

fn is_key(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_survives_its_journey_and_no_two_are_the_same() {
        let click = Click::new("VcdWRhe");
        let body = click.to_json();
        assert_eq!(Click::parse(body.as_bytes()).unwrap(), click);
        assert_ne!(Click::new("VcdWRhe").id, click.id);
    }

    #[test]
    fn what_is_no_click_is_refused_with_the_reason() {
        let long =
            format!(r#"{{"id":"{}","code":"a"}}"#, "1".repeat(65));
        for (body, why) in [
            ("hello", "expected value at line 1 column 1"),
            ("{}", "missing field `id` at line 1 column 2"),
            (r#"{"id":"","code":"a"}"#, "id is not 1 to 64 letters"),
            (&long, "id is not 1 to 64 letters"),
            (r#"{"id":"1","code":"\u0000"}"#, "code is not 1 to 64"),
        ] {
            let refused = Click::parse(body.as_bytes()).unwrap_err();
            let said = refused.to_string();
            assert!(said.starts_with(why), "{body}: {said}");
        }
    }
}
