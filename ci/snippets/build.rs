//! Lets skeptic turn the Rust of the pages into tests.
//!
//! `cargo book test` writes that Rust into a folder and names it in `BOOK_SNIPPETS`. Without that variable there is
//! nothing to generate, and the test target is empty: plain `cargo test` still compiles.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=BOOK_SNIPPETS");
    let mut pages: Vec<PathBuf> = Vec::new();
    if let Some(dir) = env::var_os("BOOK_SNIPPETS") {
        println!("cargo:rerun-if-changed={}", dir.display());
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ext| ext == "md") {
                pages.push(path);
            }
        }
        pages.sort();
    }
    if pages.is_empty() {
        // Given nothing, skeptic writes nothing, and an earlier answer would stay.
        let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
        return fs::write(PathBuf::from(out).join("skeptic-tests.rs"), "");
    }
    skeptic::generate_doc_tests(&pages);
    Ok(())
}
