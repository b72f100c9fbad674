//! An added dependency is where `cargo add` would put it: cargo takes the lock file as it is.

use std::process::Command;

use caching::edits;

#[test]
fn cargo_accepts_the_lock_file_with_one_dependency_more() {
    let folder = tempfile::tempdir().unwrap();
    let from = book_support::root().join(
        "listings/21-containerization/exercises/cached-pipeline/files",
    );
    std::fs::create_dir(folder.path().join("src")).unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        std::fs::copy(from.join(file), folder.path().join(file))
            .unwrap();
    }
    let known = std::fs::read_to_string(
        book_support::root().join("Cargo.lock"),
    )
    .unwrap();
    edits::dependency(folder.path(), &known).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--depth=1"])
        .args(["--prefix=none", "--edges=normal"])
        .current_dir(folder.path())
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    let tree = String::from_utf8_lossy(&out.stdout);
    let added = format!("\n{} v", edits::ADDED);
    assert!(tree.contains(&added), "{tree}");
}

#[test]
fn a_lock_file_that_lacks_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[package]\nname = \"links-api\"\n";
    std::fs::write(folder.path().join("Cargo.toml"), text).unwrap();
    std::fs::write(folder.path().join("Cargo.lock"), "").unwrap();
    let refused = edits::dependency(folder.path(), "").unwrap_err();
    assert!(refused.to_string().contains("lacks the dependency"));
}
