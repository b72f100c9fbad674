//! What the API server is told of `WebApp` is what the Rust type says.

use std::process::Command;

#[test]
fn the_committed_definition_is_the_derived_one() {
    let printed =
        Command::new(env!("CARGO_BIN_EXE_crd")).output().unwrap();
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/crd.yaml");
    if std::env::var_os("BOOK_BLESS").is_some() {
        std::fs::write(file, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        committed, printed,
        "deploy/crd.yaml is out of date\n  \
         fix: cargo run --bin crd > deploy/crd.yaml"
    );
}
