//! Where each value was found, and which one holds. Every value is text
//! here, whatever file it comes from: one rule for all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::refused::{Place, Refused};

/// A value, and where it was found.
pub(super) struct Found {
    pub place: Place,
    pub text: String,
}

/// The value that holds, by field.
pub(super) type Values = BTreeMap<&'static str, Found>;

/// What can be asked for values.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    /// In front of the name of each variable, without the underscore.
    pub prefix: &'static str,
    /// TOML that is compiled in.
    pub defaults: &'a str,
    pub env: &'a Environment,
}

/// The fields of the struct that is to be filled.
type Fields = &'static [&'static str];

impl Layers<'_> {
    // ANCHOR: values
    /// Each layer overrides the ones before.
    pub fn values(self, fields: Fields) -> Result<Values, Refused> {
        let default = |key: &str| Place::Defaults(key.to_owned());
        let mut values = self.table(self.defaults, fields, default)?;
        let variable = self.variable("config");
        if let Some(path) = self.env.get(&variable) {
            let path = PathBuf::from(path);
            let text = content(&variable, &path)?;
            let in_file =
                |key: &str| Place::File(key.to_owned(), path.clone());
            values.extend(self.table(&text, fields, in_file)?);
        }
        values.extend(self.variables(fields)?);
        Ok(values)
    }
    // ANCHOR_END: values

    /// The variable of a field.
    pub fn variable(self, field: &str) -> String {
        format!("{}_{}", self.prefix, field.to_uppercase())
    }

    fn table(
        self,
        text: &str,
        fields: Fields,
        place: impl Fn(&str) -> Place,
    ) -> Result<Values, Refused> {
        let table: toml::Table = text.parse().map_err(|error| {
            let error: toml::de::Error = error;
            not_toml(&place, text, &error)
        })?;
        let mut values = Values::new();
        for (key, value) in table {
            let Some(field) = field(fields, &key) else {
                let known = fields.join(", ");
                let place = place(&key);
                return Err(Refused::Unknown { place, known });
            };
            let (place, text) = (place(&key), scalar(value));
            let Some(text) = text else {
                let why = "is not one value: it is a table or a list";
                let why = why.to_owned();
                return Err(Refused::Unusable {
                    place,
                    value: None,
                    why,
                });
            };
            values.insert(field, Found { place, text });
        }
        Ok(values)
    }

    // ANCHOR: variables
    fn variables(self, fields: Fields) -> Result<Values, Refused> {
        let mut values = Values::new();
        let prefix = format!("{}_", self.prefix);
        for (name, value) in self.env.with_prefix(&prefix) {
            let (field, found) = match self.setting(name, value, fields)
            {
                Setting::Value(field) => (field, found(name, value)),
                Setting::File(field) => (field, in_file(name, value)?),
                Setting::NotOurs => continue,
                Setting::Unknown => {
                    return Err(self.unknown(name, fields));
                }
            };
            if values.insert(field, found).is_some() {
                let variable = self.variable(field);
                return Err(Refused::Twice { variable });
            }
        }
        Ok(values)
    }
    // ANCHOR_END: variables

    fn setting(
        self,
        name: &str,
        value: &str,
        fields: Fields,
    ) -> Setting {
        let key = name[self.prefix.len() + 1..].to_lowercase();
        let stem = key.strip_suffix("_file");
        if let Some(field) = field(fields, &key) {
            Setting::Value(field)
        } else if let Some(field) = stem.and_then(|s| field(fields, s))
        {
            Setting::File(field)
        } else if key == "config" || is_service_link(name, value) {
            Setting::NotOurs
        } else {
            Setting::Unknown
        }
    }

    fn unknown(self, name: &str, fields: Fields) -> Refused {
        let known: Vec<String> =
            fields.iter().map(|field| self.variable(field)).collect();
        Refused::Unknown {
            place: Place::Variable(name.to_owned()),
            known: known.join(", "),
        }
    }
}

/// What a variable with the prefix is.
enum Setting {
    /// The value of a field.
    Value(&'static str),
    /// The name of a file that holds it.
    File(&'static str),
    /// Read elsewhere, or set by the platform.
    NotOurs,
    /// Nothing that anybody reads.
    Unknown,
}

// ANCHOR: service-link
/// Kubernetes gives each container the addresses of the namespace's
/// Services: for one called `resolver` it sets `RESOLVER_SERVICE_HOST`,
/// `RESOLVER_PORT` and more. Nobody meant them as settings.
fn is_service_link(name: &str, value: &str) -> bool {
    let port = name.split_once("_PORT_").map(|(_, rest)| rest);
    let is_numbered = port
        .is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit()));
    let is_url = name.ends_with("_PORT") && value.contains("://");
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || is_numbered
        || is_url
}
// ANCHOR_END: service-link

fn found(name: &str, value: &str) -> Found {
    let place = Place::Variable(name.to_owned());
    Found { place, text: value.to_owned() }
}

// ANCHOR: secret-file
/// A secret comes as a file: variables are shown to everybody who may
/// look at the container. The newline at its end is an editor's.
fn in_file(name: &str, path: &str) -> Result<Found, Refused> {
    let path = PathBuf::from(path);
    let mut text = content(name, &path)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Found { place: Place::Content(name.to_owned(), path), text })
}
// ANCHOR_END: secret-file

fn content(variable: &str, path: &Path) -> Result<String, Refused> {
    std::fs::read_to_string(path).map_err(|error| Refused::Unreadable {
        variable: variable.to_owned(),
        path: path.to_owned(),
        error,
    })
}

/// The field of this name, as the struct has it: for ever.
fn field(fields: Fields, name: &str) -> Option<&'static str> {
    fields.iter().copied().find(|field| *field == name)
}

/// One value as text; `None` for a table or a list.
fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        other => Some(other.to_string()),
    }
}

fn not_toml(
    place: &impl Fn(&str) -> Place,
    text: &str,
    error: &toml::de::Error,
) -> Refused {
    let file = match place("") {
        Place::File(_, path) => path.display().to_string(),
        _ => "the text of the defaults".to_owned(),
    };
    let before = error.span().map_or(0, |span| span.start);
    let line = text[..before].lines().count().max(1);
    let why = format!("line {line}: {}", error.message());
    Refused::NotToml { file, why }
}
