//! Structured logs: one JSON object a line on standard output, for the platform to collect.

use tracing::level_filters::LevelFilter;

// ANCHOR: init
/// Starts logging. A second call changes nothing.
pub fn init(level: LevelFilter) {
    let logs = tracing_subscriber::fmt().json().with_max_level(level);
    // It fails only when a subscriber is there already.
    let _ = logs.flatten_event(true).try_init();
}
// ANCHOR_END: init
