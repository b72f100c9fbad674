//! Notes of what a test used: JSON lines in the folder that `BOOK_NOTES` names.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::json;
use sha2::{Digest, Sha256};

/// Notes that the running test used a file. `verb` is a word in the past (`built`, `sent`, `compared`), `what` a few
/// words more, or nothing.
///
/// # Panics
/// When the file cannot be read, or the note not be written.
pub fn note(verb: &str, path: &str, what: &str) {
    note_hashed(verb, path, &hash(path), what);
}

/// As [`note`], of a file that had this hash when it was used.
pub(crate) fn note_hashed(verb: &str, path: &str, hash: &str, what: &str) {
    write(&json!({ "test": test(), "verb": verb, "path": path, "hash": hash, "what": what }));
}

/// The SHA-256 of a file of the book, hexadecimal.
///
/// # Panics
/// When it cannot be read.
pub(crate) fn hash(path: &str) -> String {
    let bytes = std::fs::read(crate::root().join(path));
    sha256(&bytes.unwrap_or_else(|e| panic!("{path} was used and cannot be read: {e}")))
}

/// Notes what a tool or an image that took part truly is.
pub fn version(name: &str, value: &str) {
    write(&json!({ "test": test(), "version": { "name": name, "value": value } }));
}

/// SHA-256, hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The running test: libtest gives its thread the test's name.
fn test() -> String {
    std::thread::current()
        .name()
        .unwrap_or("a thread without a name")
        .to_owned()
}

fn write(note: &serde_json::Value) {
    static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let dir = std::env::var_os("BOOK_NOTES")?;
        Some(Mutex::new(create(Path::new(&dir)).unwrap_or_else(|e| {
            panic!("{}: {e}\n  fix: make room for the notes", Path::new(&dir).display())
        })))
    });
    if let Some(file) = file {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write a line: a process that is killed leaves whole lines.
        file.write_all(format!("{note}\n").as_bytes())
            .expect("a note cannot be written; make room on the disk");
    }
}

/// A file of this process alone. A number that the system gives out again is no name.
fn create(dir: &Path) -> std::io::Result<File> {
    let prefix = format!("{}-", std::process::id());
    let (file, _) = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".jsonl")
        .tempfile_in(dir)?
        .keep()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path()).unwrap();
        create(dir.path()).unwrap();
        let names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 2);
        assert!(
            names
                .iter()
                .all(|n| n.starts_with(&std::process::id().to_string()) && n.ends_with(".jsonl")),
            "{names:?}"
        );
    }

    #[test]
    fn a_hash_is_that_of_sha256sum() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_running_test_is_known_by_its_name() {
        assert_eq!(test(), "evidence::tests::the_running_test_is_known_by_its_name");
    }
}
