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
    /// `LINKS_REQUEST_SECONDS`: how long one request may take.
    pub request: Duration,
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
            request: Duration::from_secs(10),
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
    /// The variables of this process. One that is not UTF-8 counts as
    /// its readable part.
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

    fn seconds(
        &self,
        name: &'static str,
        default: Duration,
    ) -> Result<Duration, Unusable> {
        self.parsed(name, SECONDS, Seconds(default)).map(|s| s.0)
    }
}

impl Config {
    // ANCHOR: read
    /// Defaults, overridden by variables. The first bad one ends it.
    pub fn read(env: &Environment) -> Result<Config, Unusable> {
        let Config { listen, log, request, drain } = Config::default();
        Ok(Config {
            listen: env.parsed("LINKS_LISTEN", ADDRESS, listen)?,
            log: env.parsed("LINKS_LOG", LEVEL, log)?,
            request: env.seconds("LINKS_REQUEST_SECONDS", request)?,
            drain: env.seconds("LINKS_DRAIN_SECONDS", drain)?,
        })
    }
    // ANCHOR_END: read
}

const ADDRESS: &str = "an address and port, like 0.0.0.0:8080";
const LEVEL: &str = "off, error, warn, info, debug or trace";
const SECONDS: &str = "a whole number of seconds from 1 to 600";

/// A bounded number of seconds.
struct Seconds(Duration);

impl std::str::FromStr for Seconds {
    type Err = ();

    fn from_str(text: &str) -> Result<Seconds, ()> {
        match text.parse() {
            Ok(n @ 1..=600) => Ok(Seconds(Duration::from_secs(n))),
            _ => Err(()),
        }
    }
}
