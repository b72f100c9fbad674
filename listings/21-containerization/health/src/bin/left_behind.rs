//! `left_behind child` or `left_behind orphan`: starts a process that
//! nobody waits for, and lives on.

use std::io::Result;
use std::process::Command;

// ANCHOR: left-behind
/// A child of ours that ends, and that we never wait for.
pub fn child() -> Result<()> {
    Command::new("true").spawn()?;
    Ok(())
}

/// A child that we wait for leaves another one behind.
pub fn orphan() -> Result<()> {
    Command::new("sh").args(["-c", "sleep 0.1 &"]).status()?;
    Ok(())
}
// ANCHOR_END: left-behind

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("orphan") => orphan()?,
        _ => child()?,
    }
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_start_a_process_and_go_on() {
        child().unwrap();
        orphan().unwrap();
    }
}
