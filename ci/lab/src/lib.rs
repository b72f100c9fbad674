//! How a lab is asked, and what it answers.
//!
//! A lab is a model of something that runs: pure Rust without I/O and clocks. The page's element asks it with text
//! (`order=sources-first&edit=none`, the same text that a shared link holds) and draws what comes back. Every lab
//! answers with a [`Scene`], so that one element can draw them all.

mod command;
mod scene;

pub use command::{Command, Wrong};
pub use scene::{Kind, Mark, Row, Scene};

/// The answer of a lab as JSON: its scene, or what is wrong with the command.
pub fn json(scene: Result<Scene, Wrong>) -> String {
    match scene {
        Ok(scene) => scene.json(),
        Err(wrong) => format!("{{\"error\":{}}}", scene::text(&wrong.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_json() {
        let scene = Scene {
            says: "a \"word\"\n".into(),
            answer: "1".into(),
            unit: "s",
            end: 9,
            rows: vec![Row {
                label: "one".into(),
                word: "served".into(),
                kind: Kind::Good,
                from: 1,
                to: 2,
            }],
            marks: vec![Mark {
                at: 3,
                label: "SIGTERM",
            }],
        };
        assert_eq!(
            json(Ok(scene)),
            r#"{"says":"a \"word\"\u000a","answer":"1","unit":"s","end":9,"rows":[{"label":"one","word":"served","kind":"good","from":1,"to":2}],"marks":[{"at":3,"label":"SIGTERM"}]}"#
        );
        assert_eq!(json(Err(Wrong("no".into()))), r#"{"error":"no"}"#);
    }

    #[test]
    fn a_command_says_what_is_wrong_with_it() {
        let command = Command::of("edit=none&grace=30");
        assert_eq!(command.one_of("edit", &[("none", 1), ("all", 2)]).ok(), Some(1));
        assert_eq!(command.number("grace", 0..=60).ok(), Some(30));
        let wrong = |result: Result<u32, Wrong>| result.err().map(|w| w.0);
        assert_eq!(
            wrong(command.number("grace", 0..=9)).as_deref(),
            Some("grace=30 is not a whole number from 0 to 9")
        );
        assert_eq!(
            wrong(command.one_of("edit", &[("a", 1), ("b", 2)])).as_deref(),
            Some("edit=none is none of a, b")
        );
        assert_eq!(
            wrong(command.number("drain", 0..=9)).as_deref(),
            Some("drain is missing")
        );
    }
}
