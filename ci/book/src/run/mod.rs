//! The jobs that checks are made of.

pub mod browser;
pub mod cluster;
pub mod console;
pub mod leftovers;
mod runner;
pub mod snippets;
pub mod tests;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;

/// This program, to be started again by this process: on Linux the very one that runs, also when a build has put
/// another in its place meanwhile.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}

/// Where this program lies, for others that start it.
pub(crate) fn own_path() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // As Linux names one that a build has replaced; the new one knows the same roles.
    let plain = path.to_str().and_then(|text| text.strip_suffix(" (deleted)"));
    Ok(plain.map(PathBuf::from).unwrap_or(path))
}

/// Whether a signal has come.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Comes back at once, or never when a signal has come: what was cut off is no result, and nothing new begins.
pub(crate) fn go_on() {
    while ENDING.load(Relaxed) {
        std::thread::park();
    }
}

/// SIGINT, SIGTERM and SIGHUP end this process, and before it all that it has started: cargo, tests, browsers, sessions.
/// Then `clear` removes what is left elsewhere, and `work`'s scratch folder goes.
pub(crate) fn end_at_signal(work: &Path, clear: impl FnOnce() + Send + 'static) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let work = work.to_path_buf();
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let end = move || {
        if let Some(signal) = signals.forever().next() {
            ENDING.store(true, Relaxed);
            // Keepers end first, and what they kept has to stay in sight.
            console::keeper::adopt_orphans();
            console::processes::end_below(std::process::id(), None);
            // The reader of what is said may be gone: that stops nobody here.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(clear));
            let _ = std::fs::remove_dir_all(work.join("scratch"));
            let _ = writeln!(std::io::stderr(), "ended; nothing is left running");
            std::process::exit(128 + signal);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(end)?;
    Ok(())
}

pub use runner::{Book, Options, Outcome, merge, plural, test};
