//! How a program is called, and how it ends: what every `main` shares.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

/// `sysexits.h` of BSD: it was called with flags that it does not have.
pub const EX_USAGE: u8 = 64;

/// `sysexits.h` of BSD: its configuration cannot be used.
pub const EX_CONFIG: u8 = 78;

/// What a program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Serve until a stop is asked for.
    Serve,
    /// `--healthcheck`: ask the server in the same container, so that an
    /// image without a shell and curl can be probed too.
    Healthcheck,
}

/// Flags that no program of the system has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the one flag is --healthcheck")]
pub struct Misspelt;

impl Call {
    // ANCHOR: call
    /// What the arguments ask for, without the program's own name. A
    /// misspelt flag must not start a server.
    ///
    /// # Errors
    /// For anything but nothing and `--healthcheck`.
    pub fn read(
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Result<Call, Misspelt> {
        match (arguments.next(), arguments.next()) {
            (None, _) => Ok(Call::Serve),
            (Some(flag), None) if flag == "--healthcheck" => {
                Ok(Call::Healthcheck)
            }
            _ => Err(Misspelt),
        }
    }
    // ANCHOR_END: call
}

/// Says on standard error why a program does not do what it was asked
/// for: its logs do not run yet, and a probe has none.
pub fn refused(program: &str, code: u8, why: &dyn Display) -> ExitCode {
    eprintln!("{program}: {why}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Call, Misspelt> {
        Call::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn there_is_one_flag() {
        assert_eq!(read(&[]), Ok(Call::Serve));
        assert_eq!(read(&["--healthcheck"]), Ok(Call::Healthcheck));
        assert_eq!(read(&["--healthchek"]), Err(Misspelt));
        assert_eq!(read(&["--healthcheck", "now"]), Err(Misspelt));
    }
}
