//! Greets, and says for which processor it was compiled.

use std::env::consts::ARCH;
use std::io::{Result, Write, stdout};

/// How it greets.
const GREETING: &str = "Hello";

fn main() -> Result<()> {
    writeln!(stdout(), "{GREETING} from {ARCH}")
}
