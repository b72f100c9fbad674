//! Defaults, and what overrides them.

use std::time::Duration;

use links_api::config::{Config, Environment};
use tracing::level_filters::LevelFilter;

#[test]
fn nothing_set_means_defaults() {
    assert_eq!(
        Config::read(&Environment::default()),
        Ok(Config::default())
    );
}

#[test]
fn variables_override_defaults() {
    let env = Environment::of([
        ("LINKS_LISTEN", "127.0.0.1:9000"),
        ("LINKS_LOG", "debug"),
        ("LINKS_DRAIN_SECONDS", "3"),
    ]);
    let expected = Config {
        listen: "127.0.0.1:9000".parse().unwrap(),
        log: LevelFilter::DEBUG,
        drain: Duration::from_secs(3),
    };
    assert_eq!(Config::read(&env), Ok(expected));
}
