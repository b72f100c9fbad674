//! One configuration for every program: defaults that are compiled in,
//! under a file, under the environment. What cannot be used is refused
//! by name, before a port is bound.
//!
//! A program says what can be set as a struct, and what holds without a
//! word as TOML:
//!
//! ```
//! use serde::Deserialize;
//! use service::config::{self, Environment, Listen, Secret};
//!
//! #[derive(Debug, Deserialize)]
//! struct Settings {
//!     listen: Listen,
//!     database_url: Secret,
//! }
//!
//! let env = Environment::of([
//!     ("RESOLVER_LISTEN", "8080"),
//!     ("RESOLVER_DATABASE_URL", "postgres://db/links"),
//! ]);
//! let defaults = r#"listen = "0.0.0.0:50051""#;
//! let refused =
//!     config::read::<Settings>("RESOLVER", defaults, &env).unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "RESOLVER_LISTEN=8080 is not an address and port, \
//!      like 0.0.0.0:50051"
//! );
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | `environment` | the variables of a process, or of a test |
//! | `layers` | where each value was found, and which one holds |
//! | `fill` | from those values to the struct: a serde deserializer |
//! | `values` | an address, a level, seconds, a secret |
//! | `refused` | what is said to whoever set something wrong |

mod environment;
mod fill;
mod layers;
mod refused;
mod values;

use serde::de::DeserializeOwned;

pub use environment::Environment;
pub use refused::{Place, Refused};
pub use values::{Level, Listen, Seconds, Secret};

// ANCHOR: read
/// Reads what an operator set for the program with this prefix.
///
/// The field `database_url` of `C` is `RESOLVER_DATABASE_URL`, or the
/// content of the file that `RESOLVER_DATABASE_URL_FILE` names; below
/// that `database_url` in the TOML file that `RESOLVER_CONFIG` names;
/// below that `database_url` in `defaults`. A variable that is empty
/// counts as one that is not set.
///
/// # Errors
/// For the first value that cannot be used, and for every name with
/// the prefix that is no setting.
pub fn read<C: DeserializeOwned>(
    prefix: &'static str,
    defaults: &str,
    env: &Environment,
) -> Result<C, Refused> {
    let layers = layers::Layers { prefix, defaults, env };
    C::deserialize(fill::Settings(layers)).map_err(|failed| {
        failed.refused(|field| layers.variable(field))
    })
}
// ANCHOR_END: read

#[cfg(test)]
mod tests;
