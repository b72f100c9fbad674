//! What an operator can set.

use std::fmt;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use service::config::{
    self, Environment, Level, Listen, Refused, Seconds, Secret,
};
use service::telemetry;
use sqlx::postgres::PgConnectOptions;

// ANCHOR: settings
/// What an operator can set; each field is a variable, too.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// `RESOLVER_LISTEN`: address and port to serve on.
    pub listen: Listen,
    /// `RESOLVER_LOG`: the least severe level that is logged.
    pub log: Level,
    /// `RESOLVER_DATABASE_URL`, or `…_FILE`: where links are kept.
    pub database_url: DatabaseUrl,
    /// `RESOLVER_OTLP`: the collector of spans, if there is one.
    pub otlp: Option<String>,
    // ANCHOR_END: settings
    /// `RESOLVER_REQUEST_SECONDS`: longest that one request may take,
    /// whatever its client allows.
    pub request_seconds: Seconds,
    /// `RESOLVER_DRAIN_SECONDS`: longest that requests in flight may
    /// take after a stop was asked for.
    pub drain_seconds: Seconds,
    /// `RESOLVER_REFLECTION`: whether the server tells its protocol to
    /// whoever asks. For development.
    pub reflection: bool,
}

// ANCHOR: defaults
/// What holds where nobody says something else.
const DEFAULTS: &str = r#"
listen = "0.0.0.0:50051"
log = "info"
request_seconds = 5
drain_seconds = 10
reflection = false
"#;
// ANCHOR_END: defaults

impl Settings {
    /// Reads the variables with the prefix `RESOLVER`.
    ///
    /// # Errors
    /// For the first value that cannot be used.
    pub fn read(env: &Environment) -> Result<Settings, Refused> {
        config::read("RESOLVER", DEFAULTS, env)
    }

    /// The part that telemetry needs.
    pub fn telemetry(&self) -> telemetry::Settings {
        let (log, otlp) = (self.log, self.otlp.clone());
        telemetry::Settings { log, otlp }
    }
}

/// Where a database is and who may use it. The password is in it, and
/// so it is never shown.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) PgConnectOptions);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(not shown)")
    }
}

// ANCHOR: database-url
impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DatabaseUrl, D::Error> {
        let secret = Secret::deserialize(deserializer)?;
        let url = secret.expose();
        let options = url.starts_with("postgres").then(|| url.parse());
        let Some(Ok(options)) = options else {
            let expected =
                "a URL like postgres://user:password@host/db";
            let found = Unexpected::Other("something else");
            return Err(D::Error::invalid_value(found, &expected));
        };
        Ok(DatabaseUrl(options))
    }
}
// ANCHOR_END: database-url

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_none_is_refused_and_not_shown() {
        for url in ["postgres//db", "https://hunter2@db", "hunter2"] {
            let env = Environment::of([("RESOLVER_DATABASE_URL", url)]);
            let refused = Settings::read(&env).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "RESOLVER_DATABASE_URL is not a URL like \
                 postgres://user:password@host/db"
            );
        }
    }

    #[test]
    fn the_defaults_are_good_and_the_password_is_not_shown() {
        let env = Environment::of([
            ("RESOLVER_DATABASE_URL", "postgres://u:hunter2@db/links"),
            ("RESOLVER_OTLP", "http://jaeger:4318"),
        ]);
        let settings = Settings::read(&env).unwrap();
        assert_eq!(settings.listen.0.port(), 50051);
        assert!(!settings.reflection);
        let otlp = settings.telemetry().otlp;
        assert_eq!(otlp.as_deref(), Some("http://jaeger:4318"));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
