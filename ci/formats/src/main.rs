//! Reads files that a request on standard input names, as JSON; what is wrong in them comes out as JSON.

use std::process::ExitCode;

fn main() -> ExitCode {
    book_formats::main()
}
