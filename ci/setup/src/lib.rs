//! Prepares lanes.
