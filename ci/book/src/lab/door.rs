//! The way into a lab's WebAssembly, written by `cargo book lab build` beside the lab's own crate.
//!
//! The page asks for room, writes a command there, and has it answered; then it reads the answer's bytes. Nothing but
//! numbers goes through the door, so that no library is needed on either side.

use std::sync::{Mutex, MutexGuard, PoisonError};

static COMMAND: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn held(bytes: &'static Mutex<Vec<u8>>) -> MutexGuard<'static, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}

// `no_mangle` is unsafe because two libraries of one program could define one name. A lab is the only library of its
// program, and these are its only names.

/// Room for a command of this many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn command(length: usize) -> *mut u8 {
    let mut command = held(&COMMAND);
    command.clear();
    command.resize(length, 0);
    command.as_mut_ptr()
}

/// Answers the command; the length of the answer.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    let said = lab::answer(&String::from_utf8_lossy(&held(&COMMAND)));
    let mut answer = held(&ANSWER);
    *answer = said.into_bytes();
    answer.len()
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn answered() -> *const u8 {
    held(&ANSWER).as_ptr()
}
