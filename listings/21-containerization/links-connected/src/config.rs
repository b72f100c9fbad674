//! What an operator can set: what `links-api` has, and where the others are.

use lapin::uri::AMQPUri;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use service::config::{
    self, Environment, Level, Listen, Refused, Seconds, Secret,
};
use service::telemetry;
use tonic::transport::Endpoint;

// ANCHOR: config
/// What an operator can set; each field is a variable, too.
#[derive(Clone, Deserialize)]
pub struct Config {
    /// `LINKS_LISTEN`: address and port to serve on.
    pub listen: Listen,
    /// `LINKS_RESOLVER_URL`: who keeps links.
    #[serde(deserialize_with = "resolver")]
    pub resolver_url: Endpoint,
    /// `LINKS_BROKER_URL`, or `…_FILE`: where clicks go.
    #[serde(deserialize_with = "broker")]
    pub broker_url: AMQPUri,
    // ANCHOR_END: config
    /// `LINKS_LOG`: the least severe level that is logged.
    pub log: Level,
    /// `LINKS_OTLP`: the collector of spans, if there is one.
    pub otlp: Option<String>,
    /// `LINKS_REQUEST_SECONDS`: longest that one request may take.
    pub request_seconds: Seconds,
    /// `LINKS_DRAIN_SECONDS`: longest that requests in flight, and
    /// clicks on their way, may take after a stop was asked for.
    pub drain_seconds: Seconds,
}

/// What holds where nobody says something else.
const DEFAULTS: &str = r#"
listen = "0.0.0.0:8080"
log = "info"
request_seconds = 10
drain_seconds = 10
"#;

impl Config {
    /// Reads the variables with the prefix `LINKS`.
    ///
    /// # Errors
    /// For the first value that cannot be used.
    pub fn read(env: &Environment) -> Result<Config, Refused> {
        config::read("LINKS", DEFAULTS, env)
    }

    /// The part that telemetry needs.
    pub fn telemetry(&self) -> telemetry::Settings {
        let (log, otlp) = (self.log, self.otlp.clone());
        telemetry::Settings { log, otlp }
    }

    /// The part that `links-api` knows.
    pub fn links_api(&self) -> links_api::config::Config {
        links_api::config::Config {
            listen: self.listen.0,
            log: self.log.0,
            request: self.request_seconds.0,
            drain: self.drain_seconds.0,
        }
    }
}

fn resolver<'de, D: Deserializer<'de>>(
    url: D,
) -> Result<Endpoint, D::Error> {
    let like = "a URL like http://resolver:50051";
    let url = String::deserialize(url)?;
    let endpoint = Endpoint::from_shared(url.clone());
    match endpoint {
        Ok(endpoint) if url.starts_with("http://") => Ok(endpoint),
        _ => Err(D::Error::invalid_value(Unexpected::Str(&url), &like)),
    }
}

/// An address with a password in it: a refusal does not show it.
fn broker<'de, D: Deserializer<'de>>(
    secret: D,
) -> Result<AMQPUri, D::Error> {
    let like = "a URL like amqp://user:password@host:5672/%2f";
    let found = Unexpected::Other("something else");
    let url = Secret::deserialize(secret)?.expose().parse();
    url.map_err(|_| D::Error::invalid_value(found, &like))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: &str = "amqp://links:hunter2@broker:5672/%2f";
    const RESOLVER: &str = "http://resolver:50051";

    fn read(resolver: &str, broker: &str) -> Result<Config, String> {
        let env = Environment::of([
            ("LINKS_RESOLVER_URL", resolver),
            ("LINKS_BROKER_URL", broker),
            ("LINKS_DRAIN_SECONDS", "3"),
        ]);
        Config::read(&env).map_err(|refused| refused.to_string())
    }

    #[test]
    fn addresses_and_the_defaults_are_good() {
        let config = read(RESOLVER, BROKER).unwrap();
        let same = links_api::config::Config::default();
        let drain = std::time::Duration::from_secs(3);
        assert_eq!(
            config.links_api(),
            links_api::config::Config { drain, ..same }
        );
        assert_eq!(config.telemetry().otlp, None);
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_not_shown() {
        for (resolver, broker, says) in [
            (
                "resolver:50051",
                BROKER,
                "LINKS_RESOLVER_URL=resolver:50051 is not a URL like http://resolver:50051",
            ),
            (
                "http://",
                BROKER,
                "LINKS_RESOLVER_URL=http:// is not a URL like http://resolver:50051",
            ),
            (
                RESOLVER,
                "hunter2",
                "LINKS_BROKER_URL is not a URL like amqp://user:password@host:5672/%2f",
            ),
        ] {
            assert_eq!(
                read(resolver, broker).err().as_deref(),
                Some(says)
            );
        }
    }
}
