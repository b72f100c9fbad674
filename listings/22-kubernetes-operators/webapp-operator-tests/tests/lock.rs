//! A container builds the operator alone, with the lock file beside it.

#[test]
fn the_container_builds_what_the_workspace_tests() {
    book_support::lock::follows_the_workspace(
        "listings/22-kubernetes-operators/webapp-operator",
    );
}
