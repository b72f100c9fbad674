//! The text that asks a lab: `name=value` pairs with `&` between them.

use std::ops::RangeInclusive;

/// What is wrong with a command, in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

/// A command that has not been read.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a>(&'a str);

impl<'a> Command<'a> {
    /// Of its text.
    pub fn of(text: &'a str) -> Command<'a> {
        Command(text)
    }

    fn value(self, name: &str) -> Result<&'a str, Wrong> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(n, _)| *n == name).map(|(_, value)| value);
        values.next().ok_or_else(|| Wrong(format!("{name} is missing")))
    }

    /// What the value of a name stands for.
    ///
    /// # Errors
    /// When the name is missing, or its value is none of the words.
    pub fn one_of<T: Copy>(self, name: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
        let value = self.value(name)?;
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, meaning)) => Ok(*meaning),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(Wrong(format!("{name}={value} is none of {}", words.join(", "))))
            }
        }
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// When the name is missing, or its value is no such number.
    pub fn number(self, name: &str, bounds: RangeInclusive<u32>) -> Result<u32, Wrong> {
        let value = self.value(name)?;
        match value.parse() {
            Ok(number) if bounds.contains(&number) => Ok(number),
            _ => {
                let (least, most) = bounds.into_inner();
                Err(Wrong(format!(
                    "{name}={value} is not a whole number from {least} to {most}"
                )))
            }
        }
    }
}
