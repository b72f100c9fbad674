//! What settings are made of. Each type checks what it is given, and
//! code that holds one never has to ask again.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use tracing::level_filters::LevelFilter;

/// What serde's derive would do with a text that `T` parses; a refusal
/// says what was expected.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        de::Error::invalid_value(Unexpected::Str(&text), &expected)
    })
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Listen, D::Error> {
        let expected = "an address and port, like 0.0.0.0:50051";
        parsed(deserializer, expected, |t| t.parse().ok().map(Listen))
    }
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub LevelFilter);

impl Default for Level {
    fn default() -> Level {
        Level(LevelFilter::INFO)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Level, D::Error> {
        let expected = "off, error, warn, info, debug or trace";
        let level = |t: &str| LevelFilter::from_str(t).ok().map(Level);
        parsed(deserializer, expected, level)
    }
}

// ANCHOR: seconds
/// A time that somebody waits: never nothing, never for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Seconds, D::Error> {
        let expected = "a whole number of seconds from 1 to 600";
        parsed(deserializer, expected, |text| {
            let seconds = text.parse().ok()?;
            let bounded = (1..=600).contains(&seconds);
            bounded.then(|| Seconds(Duration::from_secs(seconds)))
        })
    }
}
// ANCHOR_END: seconds

/// The name by which a [`Secret`] makes itself known to whoever fills
/// it, as `serde_json` and `toml` do for types of their own.
pub(super) const SECRET: &str = "$service::config::Secret";

/// What nobody may read in a log or an error.
// ANCHOR: secret
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}
// ANCHOR_END: secret

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret, D::Error> {
        struct Inner;
        impl<'de> Visitor<'de> for Inner {
            type Value = Secret;

            fn expecting(
                &self,
                f: &mut fmt::Formatter<'_>,
            ) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<Secret, D::Error> {
                String::deserialize(inner).map(Secret)
            }

            fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(SECRET, Inner)
    }
}
