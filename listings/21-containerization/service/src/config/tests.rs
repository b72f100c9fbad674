//! What operators set, and what they are told.

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use super::*;

const DEFAULTS: &str = r#"
listen = "0.0.0.0:50051"
log = "info"
drain_seconds = 10
reflection = false
"#;

#[derive(Debug, PartialEq, Deserialize)]
struct Settings {
    listen: Listen,
    log: Level,
    drain_seconds: Seconds,
    reflection: bool,
    database_url: Secret,
    otlp: Option<String>,
    pool: Option<u16>,
    mode: Option<Mode>,
    even: Option<Even>,
    token: Option<Token>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Fast,
    Safe,
}

/// A type that says itself why it refuses a value.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(n: u8) -> Result<Even, String> {
        match n % 2 {
            0 => Ok(Even(n)),
            _ => Err(format!("{n} is odd")),
        }
    }
}

/// The same for a secret, without tact.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "Secret")]
struct Token(Secret);

impl TryFrom<Secret> for Token {
    type Error = String;

    fn try_from(secret: Secret) -> Result<Token, String> {
        Err(format!("{} is too short", secret.expose()))
    }
}

const URL: (&str, &str) = ("RESOLVER_DATABASE_URL", "postgres://db");

fn settings(env: &Environment) -> Result<Settings, Refused> {
    read("RESOLVER", DEFAULTS, env)
}

fn refusal<const N: usize>(variables: [(&str, &str); N]) -> String {
    let env = Environment::of(variables);
    settings(&env).unwrap_err().to_string()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn what_nobody_sets_is_the_default() {
    let settings = settings(&Environment::of([URL])).unwrap();
    let expected = Settings {
        listen: Listen("0.0.0.0:50051".parse().unwrap()),
        log: Level(LevelFilter::INFO),
        drain_seconds: Seconds(Duration::from_secs(10)),
        reflection: false,
        database_url: "postgres://db".into(),
        otlp: None,
        pool: None,
        mode: None,
        even: None,
        token: None,
    };
    assert_eq!(settings, expected);
}

#[test]
fn the_environment_stands_above_the_file_above_the_defaults() {
    let file = file(
        "log = \"debug\"\ndrain_seconds = 20\nmode = \"fast\"\n\
         pool = 8\n",
    );
    let env = Environment::of([
        URL,
        ("RESOLVER_CONFIG", path(&file)),
        ("RESOLVER_DRAIN_SECONDS", "30"),
        ("RESOLVER_REFLECTION", "true"),
        ("RESOLVER_EVEN", "2"),
        // Empty counts as not set.
        ("RESOLVER_OTLP", ""),
        ("CLICKS_LISTEN", "another program's"),
    ]);
    let settings = settings(&env).unwrap();
    assert_eq!(settings.listen.0.port(), 50051);
    assert_eq!(settings.log, Level(LevelFilter::DEBUG));
    assert_eq!(settings.drain_seconds.0, Duration::from_secs(30));
    assert!(settings.reflection);
    assert_eq!(settings.otlp, None);
    assert_eq!(settings.pool, Some(8));
    assert_eq!(settings.mode, Some(Mode::Fast));
    assert_eq!(settings.even, Some(Even(2)));
}

#[test]
fn a_bad_value_is_refused_with_what_would_do() {
    for (name, value, why) in [
        (
            "RESOLVER_LISTEN",
            "8080",
            "is not an address and port, like 0.0.0.0:50051",
        ),
        (
            "RESOLVER_LOG",
            "loud",
            "is not off, error, warn, info, debug or trace",
        ),
        (
            "RESOLVER_DRAIN_SECONDS",
            "601",
            "is not a whole number of seconds from 1 to 600",
        ),
        (
            "RESOLVER_DRAIN_SECONDS",
            "soon",
            "is not a whole number of seconds from 1 to 600",
        ),
        ("RESOLVER_REFLECTION", "yes", "is not true or false"),
        (
            "RESOLVER_POOL",
            "-1",
            "is not a whole number from 0 to 65535",
        ),
        ("RESOLVER_MODE", "slow", "is not one of fast, safe"),
        ("RESOLVER_EVEN", "3", "is refused: 3 is odd"),
    ] {
        let said = refusal([URL, (name, value)]);
        assert_eq!(said, format!("{name}={value} {why}"));
    }
}

#[test]
fn a_bad_value_of_the_file_is_refused_with_key_and_file() {
    for (text, says) in [
        (
            "listen = \"8080\"",
            "listen = \"8080\" in FILE is not an address and port, \
             like 0.0.0.0:50051",
        ),
        (
            "listen = [1]",
            "listen in FILE is not one value: it is a table or a list",
        ),
        (
            "lisen = \"0.0.0.0:1\"",
            "lisen in FILE is no setting; there are listen, log, \
             drain_seconds, reflection, database_url, otlp, pool, \
             mode, even, token",
        ),
        ("log = \"info\"\nlisten 8080", "FILE is not TOML: line 2: "),
    ] {
        let file = file(text);
        let said = refusal([URL, ("RESOLVER_CONFIG", path(&file))]);
        let said = said.replace(path(&file), "FILE");
        assert!(said.starts_with(says), "{said}");
    }
}

#[test]
fn a_misspelt_variable_is_refused() {
    assert_eq!(
        refusal([URL, ("RESOLVER_DRIAN_SECONDS", "5")]),
        "RESOLVER_DRIAN_SECONDS is no setting; there are \
         RESOLVER_LISTEN, RESOLVER_LOG, RESOLVER_DRAIN_SECONDS, \
         RESOLVER_REFLECTION, RESOLVER_DATABASE_URL, RESOLVER_OTLP, \
         RESOLVER_POOL, RESOLVER_MODE, RESOLVER_EVEN, RESOLVER_TOKEN"
    );
}

#[test]
fn what_kubernetes_sets_for_a_service_of_this_name_is_no_setting() {
    let env = Environment::of([
        URL,
        ("RESOLVER_SERVICE_HOST", "10.96.0.7"),
        ("RESOLVER_SERVICE_PORT", "50051"),
        ("RESOLVER_SERVICE_PORT_GRPC", "50051"),
        ("RESOLVER_PORT", "tcp://10.96.0.7:50051"),
        ("RESOLVER_PORT_50051_TCP", "tcp://10.96.0.7:50051"),
        ("RESOLVER_PORT_50051_TCP_ADDR", "10.96.0.7"),
    ]);
    assert!(settings(&env).is_ok());
    let said = refusal([URL, ("RESOLVER_PORT_RANGE", "1-2")]);
    assert!(said.starts_with("RESOLVER_PORT_RANGE is no"), "{said}");
    // Somebody meant this one as a setting.
    let said = refusal([URL, ("RESOLVER_PORT", "50051")]);
    assert!(said.starts_with("RESOLVER_PORT is no setting"), "{said}");
}

#[test]
fn a_value_that_is_needed_is_asked_for() {
    assert_eq!(
        refusal([]),
        "RESOLVER_DATABASE_URL is not set; set it, or \
         RESOLVER_DATABASE_URL_FILE to a file that holds it"
    );
}

#[test]
fn a_secret_comes_as_a_file() {
    for text in ["postgres://db", "postgres://db\n"] {
        let secret = file(text);
        let env = Environment::of([(
            "RESOLVER_DATABASE_URL_FILE",
            path(&secret),
        )]);
        let settings = settings(&env).unwrap();
        assert_eq!(settings.database_url.expose(), "postgres://db");
    }
    let said =
        refusal([("RESOLVER_DATABASE_URL_FILE", "/nowhere/secret")]);
    assert_eq!(
        said,
        "RESOLVER_DATABASE_URL_FILE=/nowhere/secret cannot be read: \
         No such file or directory (os error 2)"
    );
    let secret = file("postgres://db");
    let said =
        refusal([URL, ("RESOLVER_DATABASE_URL_FILE", path(&secret))]);
    assert_eq!(
        said,
        "RESOLVER_DATABASE_URL and RESOLVER_DATABASE_URL_FILE are \
         both set; unset one"
    );
}

#[test]
fn a_secret_is_never_printed() {
    let shown = format!("{:?}", Secret::from("hunter2"));
    assert_eq!(shown, "Secret(not shown)");

    let said = refusal([URL, ("RESOLVER_TOKEN", "hunter2")]);
    let why = "is refused; why would tell of the secret";
    assert_eq!(said, format!("RESOLVER_TOKEN {why}"));

    // A file's content is not shown, whatever it is of.
    let content = file("hunter2\n");
    let said =
        refusal([URL, ("RESOLVER_DRAIN_SECONDS_FILE", path(&content))]);
    let said = said.replace(path(&content), "FILE");
    assert_eq!(
        said,
        "the content of RESOLVER_DRAIN_SECONDS_FILE=FILE is not a \
         whole number of seconds from 1 to 600"
    );
    let not_toml = file("database_url = 'hunter2");
    let said = refusal([("RESOLVER_CONFIG", path(&not_toml))]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn defaults_that_are_wrong_are_named_as_such() {
    let env = Environment::of([URL]);
    let bad = "listen = 1\nlog = \"info\"\ndrain_seconds = 1\n\
               reflection = false";
    let refused = read::<Settings>("RESOLVER", bad, &env).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the default listen = \"1\" is not an address and port, \
         like 0.0.0.0:50051"
    );
    let refused = read::<u8>("RESOLVER", "", &env).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the default configuration is refused: settings are the \
         fields of a struct"
    );
}
