//! What an operator can set.

use lapin::uri::AMQPUri;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use service::config::{
    self, Environment, Level, Listen, Refused, Seconds, Secret,
};
use service::telemetry;
use sqlx::postgres::PgConnectOptions;

// ANCHOR: config
/// What an operator can set; each field is a variable, too.
#[derive(Clone, Deserialize)]
pub struct Config {
    /// `CLICKS_LISTEN`: address and port of the probes.
    pub listen: Listen,
    /// `CLICKS_LOG`: the least severe level that is logged.
    pub log: Level,
    /// `CLICKS_BROKER_URL`, or `…_FILE`: where clicks wait.
    #[serde(deserialize_with = "broker")]
    pub broker_url: AMQPUri,
    /// `CLICKS_DATABASE_URL`, or `…_FILE`: where they are counted.
    #[serde(deserialize_with = "database")]
    pub database_url: PgConnectOptions,
    // ANCHOR_END: config
    /// `CLICKS_OTLP`: the collector of spans, if there is one.
    pub otlp: Option<String>,
    /// `CLICKS_DRAIN_SECONDS`: longest that the click in hand may take
    /// after a stop was asked for.
    pub drain_seconds: Seconds,
}

/// What holds where nobody says something else.
const DEFAULTS: &str = r#"
listen = "0.0.0.0:8080"
log = "info"
drain_seconds = 10
"#;

impl Config {
    /// Reads the variables with the prefix `CLICKS`.
    ///
    /// # Errors
    /// For the first value that cannot be used.
    pub fn read(env: &Environment) -> Result<Config, Refused> {
        config::read("CLICKS", DEFAULTS, env)
    }

    /// The part that telemetry needs.
    pub fn telemetry(&self) -> telemetry::Settings {
        let (log, otlp) = (self.log, self.otlp.clone());
        telemetry::Settings { log, otlp }
    }
}

/// An address with a password in it: a refusal does not show it.
fn broker<'de, D: Deserializer<'de>>(
    secret: D,
) -> Result<AMQPUri, D::Error> {
    let like = "a URL like amqp://user:password@host:5672/%2f";
    let url = Secret::deserialize(secret)?;
    url.expose().parse().map_err(|_| refused(like))
}

fn database<'de, D: Deserializer<'de>>(
    secret: D,
) -> Result<PgConnectOptions, D::Error> {
    let like = "a URL like postgres://user:password@host/db";
    let url = Secret::deserialize(secret)?;
    let url = url.expose();
    let options = url.starts_with("postgres").then(|| url.parse());
    let Some(Ok(options)) = options else { return Err(refused(like)) };
    Ok(options)
}

fn refused<E: Error>(like: &'static str) -> E {
    E::invalid_value(Unexpected::Other("something else"), &like)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: &str = "amqp://clicks:hunter2@broker:5672/%2f";
    const DATABASE: &str = "postgres://clicks:hunter2@db/links";

    fn read(broker: &str, database: &str) -> Result<Config, String> {
        let env = Environment::of([
            ("CLICKS_BROKER_URL", broker),
            ("CLICKS_DATABASE_URL", database),
            ("CLICKS_OTLP", "http://jaeger:4318"),
        ]);
        Config::read(&env).map_err(|refused| refused.to_string())
    }

    #[test]
    fn addresses_and_the_defaults_are_good() {
        let config = read(BROKER, DATABASE).unwrap();
        assert_eq!(config.listen.0.port(), 8080);
        assert_eq!(config.broker_url.authority.host, "broker");
        let otlp = config.telemetry().otlp;
        assert_eq!(otlp.as_deref(), Some("http://jaeger:4318"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_shown() {
        for (broker, database, says) in [
            (
                "hunter2",
                DATABASE,
                "CLICKS_BROKER_URL is not a URL like amqp://user:password@host:5672/%2f",
            ),
            (
                BROKER,
                "hunter2",
                "CLICKS_DATABASE_URL is not a URL like postgres://user:password@host/db",
            ),
            (
                BROKER,
                "https://hunter2",
                "CLICKS_DATABASE_URL is not a URL like postgres://user:password@host/db",
            ),
        ] {
            assert_eq!(
                read(broker, database).err().as_deref(),
                Some(says)
            );
        }
    }
}
