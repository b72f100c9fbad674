//! The Rust that pages write, as skeptic generated it. `cargo book test` runs this; see `build.rs`.

include!(concat!(env!("OUT_DIR"), "/skeptic-tests.rs"));
