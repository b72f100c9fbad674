//! Crates for the Rust that pages write inline.
