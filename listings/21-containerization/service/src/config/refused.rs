//! What is said to whoever set something wrong: the name as they wrote
//! it, the value unless it is a secret, and what would do.

use std::fmt;
use std::path::PathBuf;

// ANCHOR: refused
/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A value is none of those that a setting takes.
    #[error("{} {why}", .place.with(.value.as_deref()))]
    Unusable {
        /// Where it was found.
        place: Place,
        /// The value; of a secret there is none.
        value: Option<String>,
        /// What it is not, as the end of a sentence.
        why: String,
    },
    /// A name that is no setting, as misspelt ones are.
    #[error("{place} is no setting; there are {known}")]
    Unknown {
        /// Where it was found.
        place: Place,
        /// All settings.
        known: String,
    },
    // ANCHOR_END: refused
    /// Nobody set what has no default.
    #[error(
        "{variable} is not set; set it, or {variable}_FILE to a file \
         that holds it"
    )]
    Missing {
        /// The variable.
        variable: String,
    },
    /// It stands in a variable and in a file, and one may be old.
    #[error("{variable} and {variable}_FILE are both set; unset one")]
    Twice {
        /// The variable.
        variable: String,
    },
    /// A variable names a file that cannot be read.
    #[error("{variable}={} cannot be read: {error}", .path.display())]
    Unreadable {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is no TOML. Its lines are not shown: one may be a
    /// secret.
    #[error("{file} is not TOML: {why}")]
    NotToml {
        /// The file, or the defaults.
        file: String,
        /// What was expected.
        why: String,
    },
}

/// Where a name or a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the program itself.
    Defaults(String),
    /// As a key of the configuration's file.
    File(String, PathBuf),
    /// In a variable.
    Variable(String),
    /// In the file that a variable names.
    Content(String, PathBuf),
}

impl Place {
    /// The name, and the value as it is written there.
    fn with(&self, value: Option<&str>) -> String {
        let value = match (self, value) {
            (_, None) => String::new(),
            (Place::Variable(_), Some(value)) => format!("={value}"),
            (_, Some(value)) => format!(" = {value:?}"),
        };
        match self {
            Place::Defaults(key) => format!("the default {key}{value}"),
            Place::File(key, path) => {
                format!("{key}{value} in {}", path.display())
            }
            Place::Variable(name) => format!("{name}{value}"),
            Place::Content(name, path) => {
                format!("the content of {name}={}", path.display())
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with(None))
    }
}
