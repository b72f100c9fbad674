//! Configuration: defaults that work, overridden by the environment. A value that cannot be used is refused at start,
//! by name, before a port is bound.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

// ANCHOR: config
/// What an operator can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `LINKS_LISTEN`: address and port to serve on.
    pub listen: SocketAddr,
    /// `LINKS_LOG`: the least severe level that is logged.
    pub log: LevelFilter,
    /// `LINKS_DRAIN_SECONDS`: how long requests in flight
    /// may take after a stop was asked for.
    pub drain: Duration,
}
// ANCHOR_END: config

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            log: LevelFilter::INFO,
            drain: Duration::from_secs(10),
        }
    }
}

/// A variable whose value cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value} is not {expected}")]
pub struct Unusable {
    name: &'static str,
    value: String,
    expected: &'static str,
}

/// The variables to read from. A test makes its own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. One that is not UTF-8 counts as its readable part.
    pub fn of_process() -> Environment {
        let text =
            |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        Environment(
            std::env::vars_os()
                .map(|(k, v)| (text(k), text(v)))
                .collect(),
        )
    }

    /// Variables of a test.
    pub fn of<const N: usize>(
        variables: [(&str, &str); N],
    ) -> Environment {
        Environment(
            variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        )
    }

    // ANCHOR: parsed
    fn parsed<T: std::str::FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, Unusable> {
        let Some(value) = self.0.get(name) else {
            return Ok(default);
        };
        value.parse().map_err(|_| Unusable {
            name,
            value: value.clone(),
            expected,
        })
    }
    // ANCHOR_END: parsed
}

impl Config {
    // ANCHOR: read
    /// Defaults, overridden by variables. The first bad one ends it.
    pub fn read(env: &Environment) -> Result<Config, Unusable> {
        let default = Config::default();
        let address = "an address and port, like 0.0.0.0:8080";
        let level = "off, error, warn, info, debug or trace";
        let seconds = "a whole number of seconds up to 600";
        let drain = env.parsed(
            "LINKS_DRAIN_SECONDS",
            seconds,
            Seconds(default.drain),
        )?;
        Ok(Config {
            listen: env.parsed(
                "LINKS_LISTEN",
                address,
                default.listen,
            )?,
            log: env.parsed("LINKS_LOG", level, default.log)?,
            drain: drain.0,
        })
    }
    // ANCHOR_END: read
}

/// A bounded number of seconds.
struct Seconds(Duration);

impl std::str::FromStr for Seconds {
    type Err = ();

    fn from_str(text: &str) -> Result<Seconds, ()> {
        match text.parse() {
            Ok(n) if n <= 600 => Ok(Seconds(Duration::from_secs(n))),
            _ => Err(()),
        }
    }
}
