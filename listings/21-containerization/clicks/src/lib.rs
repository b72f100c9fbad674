//! Counts each click exactly once.
