//! Defaults, and what overrides them.

use std::time::Duration;

use links_api::config::{Config, Environment};
use links_api::health::reachable;
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
        ("LINKS_REQUEST_SECONDS", "2"),
        ("LINKS_DRAIN_SECONDS", "3"),
    ]);
    let expected = Config {
        listen: "127.0.0.1:9000".parse().unwrap(),
        log: LevelFilter::DEBUG,
        request: Duration::from_secs(2),
        drain: Duration::from_secs(3),
    };
    assert_eq!(Config::read(&env), Ok(expected));
}

#[test]
fn all_addresses_are_probed_on_the_loopback_and_one_where_it_is() {
    for (listen, probed) in [
        ("0.0.0.0:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::1]:8080"),
        ("10.0.0.3:80", "10.0.0.3:80"),
    ] {
        let listen = listen.parse().unwrap();
        assert_eq!(reachable(listen).to_string(), probed);
    }
}
