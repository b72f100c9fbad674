//! The rows of `broken_books` that need a cluster, on a small good book with an object, a kind of its own, a right and
//! a session.
//!
//! The cluster is one of this table's own, made for its first row and removed after its last: what is everybody's on a
//! cluster can then be looked at, and its node paused or removed, without anybody else noticing.

// The other tables use the rest of it.
#[allow(dead_code)]
#[path = "../broken_books/book.rs"]
mod book;
mod engine;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = book::Good::all(table::files, "broken-kind-books", table::cases(), table::stories());
    engine::remove();
    code
}
