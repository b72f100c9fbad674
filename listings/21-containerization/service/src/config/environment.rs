//! The variables to read from. Nothing below asks the process: a test
//! makes its own, and tests run beside each other.

use std::collections::BTreeMap;

// ANCHOR: environment
/// The variables to read from. A test makes its own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);
// ANCHOR_END: environment

impl Environment {
    /// The variables of this process. One that is not UTF-8 counts as
    /// its readable part.
    pub fn of_process() -> Environment {
        let text =
            |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        let all = std::env::vars_os();
        Environment(all.map(|(k, v)| (text(k), text(v))).collect())
    }

    /// Variables of a test.
    pub fn of<const N: usize>(
        variables: [(&str, &str); N],
    ) -> Environment {
        let text = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
        Environment(variables.map(text).into())
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// All that are set to something and begin with this, by name.
    pub(super) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .range(prefix.to_owned()..)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter(|(_, value)| !value.is_empty())
    }
}
