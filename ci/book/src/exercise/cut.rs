//! One source, cut into the starter that a reader gets and the solution that passes.
//!
//! The source is a file that works, in any language whose comments end with the line. Two marks stand in such comments:
//!
//! ```text
//!     // EXERCISE: solution
//!     readiness.set(false);
//!     // STARTER: // Say no first.
//!     // EXERCISE_END
//! ```
//!
//! The solution is the file without the marks. The starter has, in place of each solution, the lines behind `STARTER:`
//! with the mark's own indentation. A file without marks is the same in both.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Finding, Root};
use crate::page::files_below;

/// The file's two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What a reader begins with.
    pub starter: String,
    /// What passes.
    pub solution: String,
}

/// All files of an exercise by their path below its `files/`.
pub type Files = BTreeMap<String, Cut>;

enum Mark<'a> {
    Begin,
    Starter(&'a str),
    End,
}

/// A line's mark, the indentation before it; what is wrong with one that is nearly a mark.
fn mark(line: &str) -> Result<Option<(&str, Mark<'_>)>, String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let Some(rest) = ["//", "#", "--"].iter().find_map(|c| line.trim_start().strip_prefix(c)) else {
        return Ok(None);
    };
    let words = rest.strip_prefix(' ').unwrap_or(rest);
    let mark = if let Some(what) = words.strip_prefix("EXERCISE:") {
        match what.trim() {
            "solution" => Mark::Begin,
            other => return Err(format!("`EXERCISE: {other}` is no mark; it is `EXERCISE: solution`")),
        }
    } else if words.trim_end() == "EXERCISE_END" {
        Mark::End
    } else if let Some(text) = words.strip_prefix("STARTER:") {
        Mark::Starter(text.strip_prefix(' ').unwrap_or(text))
    } else if words.starts_with("EXERCISE") || words.starts_with("STARTER") {
        return Err(format!("`{}` is no mark of an exercise", words.trim_end()));
    } else {
        return Ok(None);
    };
    Ok(Some((indent, mark)))
}

/// Cuts one text. What is wrong comes with its line.
///
/// # Errors
/// Line and words of the first mark that is not right.
pub fn cut(text: &str) -> Result<Cut, (usize, String)> {
    let (mut starter, mut solution) = (String::new(), String::new());
    // Where the solution began, and whether its starter has.
    let mut open: Option<(usize, bool)> = None;
    for (i, line) in text.lines().enumerate() {
        let at = i + 1;
        match (mark(line).map_err(|what| (at, what))?, &mut open) {
            (Some((_, Mark::Begin)), None) => open = Some((at, false)),
            (Some((_, Mark::Begin)), Some((from, _))) => {
                return Err((at, format!("the solution of line {from} has not ended yet")));
            }
            (Some((_, Mark::Starter(_) | Mark::End)), None) => {
                return Err((at, "there is no `EXERCISE: solution` before this mark".into()));
            }
            (Some((indent, Mark::Starter(text))), Some((_, begun))) => {
                *begun = true;
                if !text.is_empty() {
                    starter.push_str(indent);
                    starter.push_str(text);
                }
                starter.push('\n');
            }
            (Some((_, Mark::End)), Some(_)) => open = None,
            (None, Some((_, true))) => {
                return Err((
                    at,
                    "a line of the solution behind `STARTER:`; the starter's lines come last".into(),
                ));
            }
            (None, Some((_, false))) => {
                solution.push_str(line);
                solution.push('\n');
            }
            (None, None) => {
                for text in [&mut starter, &mut solution] {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    match open {
        Some((at, _)) => Err((at, "this solution never ends: there is no `EXERCISE_END`".into())),
        None => Ok(Cut { starter, solution }),
    }
}

/// Cuts every file below a folder (relative to the root). Findings name file and line.
pub fn folder(root: &Root, dir: &str) -> (Files, Vec<Finding>) {
    let (mut files, mut findings) = (Files::new(), Vec::new());
    for path in files_below(root, dir) {
        let inside = path
            .strip_prefix(dir)
            .unwrap_or(&path)
            .trim_start_matches('/')
            .to_owned();
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
            findings.push(Finding::new(
                &path,
                1,
                "an exercise's file that is no text",
                "exercises are made of text files",
            ));
            continue;
        };
        match cut(&text) {
            Ok(cut) => {
                if let Some(why) = does_not_parse(&inside, &cut.starter) {
                    findings.push(Finding::new(
                        &path,
                        1,
                        format!("the starter that is cut from this file does not parse: {why}"),
                        "let the lines behind `STARTER:` be a whole text of this language",
                    ));
                }
                files.insert(inside, cut);
            }
            Err((line, what)) => findings.push(Finding::new(
                &path,
                line,
                what,
                "write `EXERCISE: solution`, the solution's lines, `STARTER:` lines, `EXERCISE_END`",
            )),
        }
    }
    (files, findings)
}

/// What can be read without a compiler; Rust is rustfmt's to read when the exercise is proven.
fn does_not_parse(name: &str, text: &str) -> Option<String> {
    let plain = Path::new(name).file_name()?.to_string_lossy().into_owned();
    if plain.ends_with("Dockerfile") {
        return parse_dockerfile::parse(text).err().map(|e| e.to_string());
    }
    if plain.ends_with(".toml") || plain == "Cargo.lock" {
        return text.parse::<toml::Table>().err().map(|e| e.message().to_owned());
    }
    None
}

/// Writes one side of the cut into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(files: &Files, side: fn(&Cut) -> &str, to: &Path) -> std::io::Result<()> {
    for (path, cut) in files {
        let file = to.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(to))?;
        std::fs::write(file, side(cut))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_marks() {
        let text = "fn a() {\n    // EXERCISE: solution\n    b();\n    // STARTER: if x {\n    // STARTER:     todo!()\n    \
                    // STARTER:\n    // STARTER: }\n    // EXERCISE_END\n}\n";
        let cut = cut(text).unwrap();
        assert_eq!(cut.solution, "fn a() {\n    b();\n}\n");
        assert_eq!(cut.starter, "fn a() {\n    if x {\n        todo!()\n\n    }\n}\n");
    }

    #[test]
    fn comments_of_other_languages_are_marks_too() {
        let text = "FROM a\n# EXERCISE: solution\nUSER 1\n# STARTER: # Whose?\n# EXERCISE_END\n";
        let cut = cut(text).unwrap();
        assert_eq!(
            (cut.solution.as_str(), cut.starter.as_str()),
            ("FROM a\nUSER 1\n", "FROM a\n# Whose?\n")
        );
    }

    #[test]
    fn a_wrong_mark_has_its_line() {
        for (text, line, words) in [
            ("# EXERCISE: solution\na\n", 1, "never ends"),
            ("a\n# EXERCISE_END\n", 2, "no `EXERCISE: solution` before"),
            ("# STARTER: a\n", 1, "no `EXERCISE: solution` before"),
            ("# EXERCISE: solution\n# EXERCISE: solution\n", 2, "has not ended yet"),
            ("# EXERCISE: start\n", 1, "is no mark"),
            ("# EXERCISE_ENDS\n", 1, "is no mark"),
            (
                "# EXERCISE: solution\n# STARTER: a\nb\n# EXERCISE_END\n",
                3,
                "come last",
            ),
        ] {
            let (at, what) = cut(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(what.contains(words), "{text}: {what}");
        }
    }
}
