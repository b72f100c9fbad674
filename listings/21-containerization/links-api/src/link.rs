//! Input that is checked once, where it comes in, and trusted from then on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest target that is stored, in bytes.
pub const LONGEST_TARGET: usize = 2048;

/// Length of a code, in characters.
pub const CODE_LENGTH: usize = 7;

// ANCHOR: target
/// Where a link leads: an absolute http or https URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Target(String);
// ANCHOR_END: target

// ANCHOR: target-check
impl TryFrom<String> for Target {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Target, &'static str> {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|s| url.strip_prefix(s))
            .ok_or("a target starts with http:// or https://")?;
        if !rest.starts_with(begins_host) {
            return Err("a target names a host");
        }
        if url.len() > LONGEST_TARGET {
            return Err("a target has 2048 bytes at most");
        }
        if !url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("a target is ASCII; encode the rest with %");
        }
        Ok(Target(url))
    }
}
// ANCHOR_END: target-check

/// A letter or digit, or the bracket of an IPv6 address.
fn begins_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '['
}

impl Target {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The short name of a link: letters and digits, without those that
/// people mix up (0 O o, 1 I l).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
pub struct Code(String);

const ALPHABET: &[u8] =
    b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";

/// Any number below 56⁷: the first code looks like all others.
const FIRST: u64 = 1_131_985_022_027;

impl Code {
    // ANCHOR: nth
    /// The code of the n-th link. Different numbers below 56⁷ have
    /// different codes: multiplying by a number that shares no factor
    /// with 56⁷ is a permutation, so neighbours look unlike.
    pub fn nth(n: u64) -> Code {
        let all = (ALPHABET.len() as u64).pow(CODE_LENGTH as u32);
        let mut rest = ((n % all) * 1_000_003 + FIRST) % all;
        let mut code = String::with_capacity(CODE_LENGTH);
        for _ in 0..CODE_LENGTH {
            let base = ALPHABET.len() as u64;
            code.push(ALPHABET[(rest % base) as usize] as char);
            rest /= base;
        }
        Code(code)
    }
    // ANCHOR_END: nth

    /// A code that a client sent, `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Code> {
        let fits = text.len() == CODE_LENGTH
            && text.bytes().all(|b| ALPHABET.contains(&b));
        fits.then(|| Code(text.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
