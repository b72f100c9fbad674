//! Captured files: what a page shows as output, and the numbers that its prose names. Only a test writes them, and
//! only with `cargo book test --bless` (`BOOK_BLESS=1`); otherwise it compares.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use similar::TextDiff;

use crate::evidence;
use crate::matching::{Matcher, normalise};

/// How far a measured number may be from the captured one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Not at all.
    Exact,
    /// By this part of a hundred of the captured one.
    Percent(f64),
}

/// Compares output with a captured file. The text ends with one newline, whatever `actual` ends with.
///
/// # Panics
/// When it differs, with the difference and the command that takes over the new text.
#[track_caller]
pub fn captured(path: &str, actual: &str) {
    captured_matching(path, actual, &[]);
}

/// As [`captured`], but what a matcher names may differ.
#[track_caller]
pub fn captured_matching(path: &str, actual: &str, matchers: &[Matcher]) {
    let actual = format!("{}\n", actual.trim_end());
    compare(path, &actual, |old| {
        normalise(old, matchers) == normalise(&actual, matchers)
    });
}

/// Compares a value that prose shows as `{{fact …}}` with its captured file.
#[track_caller]
pub fn fact(path: &str, value: impl Display) {
    let actual = value.to_string();
    compare(path, &actual, |old| old.trim_end() == actual);
}

/// As [`fact`], for a number that is not the same each time. `shown` is its text, as in `857 kB`; the number of the
/// captured text is compared with the number of `shown`, the words must be equal.
#[track_caller]
pub fn fact_within(path: &str, shown: impl Display, tolerance: Tolerance) {
    let actual = shown.to_string();
    compare(path, &actual, |old| near(old.trim_end(), &actual, tolerance));
}

fn near(old: &str, new: &str, tolerance: Tolerance) -> bool {
    let Tolerance::Percent(percent) = tolerance else {
        return old == new;
    };
    match (measured(old), measured(new)) {
        (Some((a, x)), Some((b, y))) => x == y && (a - b).abs() <= a.abs() * percent / 100.0,
        _ => false,
    }
}

/// A number and the words after it. A size counts in bytes, so that `0.98 MB` is near to `980 kB`.
fn measured(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, words) = (text[..end].parse::<f64>().ok()?, &text[end..]);
    let size = [(" B", 1.0), (" kB", 1e3), (" MB", 1e6), (" GB", 1e9)]
        .into_iter()
        .find(|(unit, _)| *unit == words);
    Some(size.map_or((number, words), |(_, scale)| (number * scale, " B")))
}

#[track_caller]
fn compare(path: &str, actual: &str, same: impl Fn(&str) -> bool) {
    assert!(
        path.split('/').any(|part| part == "captured"),
        "{path} is no captured file\n  fix: put it into a folder named `captured` beside the listing"
    );
    let file = crate::root().join(path);
    let old = std::fs::read_to_string(&file).ok();
    if !old.as_deref().is_some_and(&same) {
        if std::env::var_os("BOOK_BLESS").is_none() {
            let what = match &old {
                None => format!("{path} does not exist; it would hold:\n{actual}"),
                Some(old) => {
                    let diff = TextDiff::from_lines(old.as_str(), actual);
                    format!(
                        "{path} is not what was seen now:\n{}",
                        diff.unified_diff().header("captured", "seen now")
                    )
                }
            };
            panic!("{what}\n  fix: mend the cause, or take it over with `cargo book test --bless {path}`");
        }
        write(&file, actual);
    }
    evidence::note("compared", path, "");
}

fn write(file: &Path, text: &str) {
    let dir = file.parent().expect("a captured file lies in a folder");
    let written = std::fs::create_dir_all(dir).and_then(|()| {
        let mut part = tempfile::NamedTempFile::new_in(dir)?;
        part.write_all(text.as_bytes())?;
        // Readable for all, as a file that git writes.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        part.as_file().set_permissions(mode)?;
        part.persist(file).map_err(|e| e.error)
    });
    if let Err(e) = written {
        panic!(
            "{} cannot be written: {e}\n  fix: make room, or check the folder's permissions",
            file.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_differ_within_the_tolerance_and_words_may_not() {
        let five = Tolerance::Percent(5.0);
        assert!(near("857 kB", "880 kB", five));
        assert!(!near("857 kB", "920 kB", five));
        assert!(!near("857 kB", "857 MB", five));
        assert!(near("980 kB", "1.02 MB", five));
        assert!(near("40 layers", "41 layers", five));
        assert!(!near("40 layers", "40 steps", five));
        assert!(!near("some kB", "857 kB", five));
        assert!(!near("857 kB", "858 kB", Tolerance::Exact));
    }
}
