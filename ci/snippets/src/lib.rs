//! The dependencies of this package are the crates that Rust written in a page may use. There is no code here: skeptic
//! compiles the code of the pages (`build.rs`, `tests/skeptic.rs`).
