//! Matchers for what differs each time: each narrow, each with a name. Both sides are normalised before they are
//! compared, so that a page shows a value that was really seen.

use std::sync::LazyLock;

use regex::Regex;

/// What may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// A moment: `2026-11-24T08:13:32.123456Z`.
    Time,
    /// A container's or image's id: 12 or 64 hexadecimal digits, or `sha256:` and 64.
    Id,
    /// A span of time: `1.5 s`, `20ms`, `3.2s`.
    Duration,
    /// A size: `1.68MB`, `857 kB`.
    Size,
    /// A port after a colon: `:49153`.
    Port,
    /// The namespace of a test: `book-9zhlb`.
    Namespace,
    /// A version: `1.95.0`, `26.1.5+dfsg1`.
    Version,
    /// A number with a fraction, as something computed or measured has it: `0.2504`. A whole number is compared as it is.
    Decimal,
}

macro_rules! pattern {
    ($text:expr) => {{
        static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a constant pattern"));
        &PATTERN
    }};
}

impl Matcher {
    fn pattern(self) -> (&'static Regex, &'static str) {
        match self {
            Matcher::Time => (
                pattern!(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"),
                "<time>",
            ),
            Matcher::Id => (pattern!(r"\b(sha256:[0-9a-f]{64}|[0-9a-f]{64}|[0-9a-f]{12})\b"), "<id>"),
            Matcher::Duration => (pattern!(r"\b\d+(\.\d+)?\s?(ns|µs|us|ms|s|m|h)\b"), "<duration>"),
            Matcher::Size => (pattern!(r"\b\d+(\.\d+)?\s?([kKMG]i?B|B)\b"), "<size>"),
            Matcher::Port => (pattern!(r":\d{4,5}\b"), ":<port>"),
            Matcher::Namespace => (pattern!(r"\bbook-[a-z0-9]{5}\b"), "<namespace>"),
            Matcher::Version => (pattern!(r"\bv?\d+\.\d+(\.\d+)*([-+~][0-9A-Za-z.+~-]+)?"), "<version>"),
            Matcher::Decimal => (pattern!(r"\b\d+\.\d+\b"), "<number>"),
        }
    }

    /// Replaces what matches by its name.
    pub fn normalise(self, text: &str) -> String {
        let (pattern, name) = self.pattern();
        pattern.replace_all(text, name).into_owned()
    }
}

/// Applies several, in order.
pub fn normalise(text: &str, matchers: &[Matcher]) -> String {
    matchers.iter().fold(text.to_owned(), |text, m| m.normalise(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_takes_what_it_names_and_nothing_else() {
        for (matcher, yes, no) in [
            (Matcher::Time, "2026-11-24T08:13:32Z", "2026-11-24"),
            (Matcher::Id, "0123456789ab", "0123456789a"),
            (Matcher::Duration, "1.5 s", "1.5 sizes"),
            (Matcher::Size, "1.68MB", "1.68 M"),
            (Matcher::Port, ":49153", ":80"),
            (Matcher::Namespace, "book-9zhlb", "book-club"),
            (Matcher::Version, "26.1.5+dfsg1", "26"),
            (Matcher::Decimal, "0.2504", "25"),
        ] {
            assert!(matcher.normalise(yes).ends_with('>'), "{matcher:?} {yes}");
            assert!(
                !matcher.normalise(yes).contains(|c: char| c.is_ascii_digit()),
                "{matcher:?} {yes}"
            );
            assert_eq!(matcher.normalise(no), no);
        }
    }
}
