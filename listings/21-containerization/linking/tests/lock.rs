//! Containers build these packages alone, each with the lock file beside it.

#[test]
fn the_containers_build_what_the_workspace_tests() {
    for package in ["link-check", "overview"] {
        book_support::lock::follows_the_workspace(&format!(
            "listings/21-containerization/{package}"
        ));
    }
}

/// It is a workspace of its own, with crates that the book's lacks.
#[test]
fn the_package_with_two_providers_takes_the_same_releases() {
    let own = "listings/21-containerization/link-check/two-providers";
    let own = book_support::listing(&format!("{own}/Cargo.lock"));
    let book = book_support::root().join("Cargo.lock");
    let book = std::fs::read_to_string(book).unwrap();
    let (own, book) = (releases(&own), releases(&book));
    let known =
        |name: &str| book.iter().any(|(other, _)| *other == name);
    let shared: Vec<_> =
        own.iter().filter(|(name, _)| known(name)).collect();
    assert!(shared.len() > 20, "{shared:?}");
    for release in shared {
        assert!(
            book.contains(release),
            "{release:?} is not the book's"
        );
    }
}

/// Names and versions of a lock file.
fn releases(lock: &str) -> Vec<(&str, &str)> {
    let value = |line: &'static str| {
        lock.lines().filter_map(move |l| l.strip_prefix(line))
    };
    value("name = ").zip(value("version = ").skip(1)).collect()
}
