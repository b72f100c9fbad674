//! Notes of what a test used: JSON lines in the folder that `BOOK_NOTES` names.

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
    let file = crate::root().join(path);
    let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{path} was used and cannot be read: {e}"));
    write(&json!({ "test": test(), "verb": verb, "path": path, "hash": sha256(&bytes), "what": what }));
}

/// Notes what a tool or an image that took part truly is.
pub fn version(name: &str, value: &str) {
    write(&json!({ "test": test(), "version": { "name": name, "value": value } }));
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The running test: libtest gives its thread the test's name.
pub(crate) fn test() -> String {
    std::thread::current().name().unwrap_or("a thread without a name").to_owned()
}

fn write(note: &serde_json::Value) {
    static FILE: OnceLock<Option<Mutex<std::fs::File>>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let dir = std::env::var_os("BOOK_NOTES")?;
        let path = Path::new(&dir).join(format!("{}.jsonl", std::process::id()));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        Some(Mutex::new(file.unwrap_or_else(|e| panic!("{}: {e}\n  fix: make room for the notes", path.display()))))
    });
    if let Some(file) = file {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{note}\n").as_bytes()).expect("a note cannot be written; make room on the disk");
    }
}
