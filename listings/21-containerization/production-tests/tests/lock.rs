//! A container builds the program alone, with the lock file beside it.

#[test]
fn the_container_builds_what_the_workspace_tests() {
    book_support::lock::follows_the_workspace(
        "listings/21-containerization/passwords",
    );
}
