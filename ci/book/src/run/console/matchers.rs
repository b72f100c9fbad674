//! What may differ from run to run, by name. Each pattern is as narrow as its name; a page chooses with
//! `match=time+id`, and shows what one run really printed.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Name and pattern, in the order in which they apply: what contains another comes first. A group named `keep` is
/// compared as it is.
const TABLE: &[(&str, &str)] = &[
    (
        "time",
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d)\b)?(?: [+-]\d{4} [A-Z]{3,4}\b)?|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?: (?:GMT|UTC|[+-]\d{4}))?|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d(?: [A-Z]{3,4})?(?: \d{4}\b)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b",
    ),
    ("date", r"\b\d{4}-\d\d-\d\d\b"),
    (
        "uuid",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    ),
    ("sha256", r"\bsha256:[0-9a-f]{64}\b"),
    ("id", r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b"),
    // Of a pod that a ReplicaSet made: Kubernetes draws from letters and digits that spell no words.
    ("pod", r"-[bcdf-hj-np-tv-z0-9]{8,10}-[bcdf-hj-np-tv-z2-9]{5}\b"),
    // The one that a session on the cluster is given.
    ("namespace", r"\bbook-[0-9a-f]{8}\b"),
    ("resourceversion", r#"(?P<keep>\bresourceVersion"?: ?"?)\d+\b"#),
    ("ip", r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    // After a host, or after the word.
    (
        "port",
        r"(?i)(?P<keep>(?:\blocalhost|\b\d{1,3}(?:\.\d{1,3}){3}|\]|:):|\bport[ =])\d{2,5}\b",
    ),
    (
        "age",
        r"\b(?:About an?|Less than an?|\d+) (?:second|minute|hour|day|week|month|year)s?(?: ago)?\b|\b(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+[smhdy]\b",
    ),
    (
        "duration",
        r"\b\d+(?:\.\d+)?(?: ?(?:ns|µs|us|ms|s|sec|secs|min|m)\b| (?:seconds?|minutes?)\b)",
    ),
    ("size", r"\b\d+(?:\.\d+)? ?(?:bytes|[kKMG]i?B|B)\b"),
    ("percent", r"\b\d+(?:\.\d+)? ?%"),
    ("version", r"\bv?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*[0-9A-Za-z])?\b"),
    ("pid", r"(?P<keep>\b(?i:pid|process)[ =:]+|^\[\d+\] )\d+\b"),
];

static PATTERNS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    TABLE
        .iter()
        .map(|(name, pattern)| (*name, Regex::new(pattern).expect("a constant pattern")))
        .collect()
});

/// Every name.
pub fn names() -> Vec<&'static str> {
    TABLE.iter().map(|(name, _)| *name).collect()
}

/// The matchers of one block.
#[derive(Clone, Debug, Default)]
pub struct Matchers {
    chosen: Vec<usize>,
}

impl Matchers {
    /// Reads `time+id`; nothing chooses nothing. The error is a name that does not exist.
    pub fn of(text: &str) -> Result<Matchers, String> {
        let mut chosen = Vec::new();
        for name in text.split('+').filter(|_| !text.is_empty()) {
            chosen.push(
                TABLE
                    .iter()
                    .position(|(known, _)| *known == name)
                    .ok_or_else(|| name.to_owned())?,
            );
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(Matchers { chosen })
    }

    /// Their names.
    pub fn used(&self) -> Vec<&'static str> {
        self.chosen.iter().map(|i| TABLE[*i].0).collect()
    }

    /// The line with everything that may differ replaced by its name. Where anything may differ, columns may be of
    /// another width: runs of blanks count as two.
    pub fn normal(&self, line: &str) -> String {
        if self.chosen.is_empty() {
            return line.to_owned();
        }
        let mut line = line.to_owned();
        for i in &self.chosen {
            let (name, pattern) = &PATTERNS[*i];
            // Private-use characters: no page can write the name in the place of a value.
            let replaced = pattern.replace_all(&line, |found: &Captures<'_>| {
                format!(
                    "{}\u{E000}{name}\u{E001}",
                    found.name("keep").map_or("", |m| m.as_str())
                )
            });
            line = replaced.into_owned();
        }
        static BLANKS: LazyLock<Regex> = LazyLock::new(|| Regex::new(" {3,}|-{4,}").expect("a constant pattern"));
        BLANKS
            .replace_all(
                &line,
                |run: &Captures<'_>| if run[0].starts_with(' ') { "  " } else { "----" },
            )
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two lines are the same to one matcher.
    fn same(name: &str, a: &str, b: &str) -> bool {
        let matchers = Matchers::of(name).unwrap();
        matchers.normal(a) == matchers.normal(b)
    }

    #[test]
    fn each_matcher_accepts_what_it_is_named_for() {
        for (name, a, b) in [
            ("time", "at 2026-11-24T08:53:50Z.", "at 2025-01-02T03:04:05.123456Z."),
            ("time", "2026-11-24 08:53:50 +0000 UTC", "2026-11-25 18:53:51 +0000 UTC"),
            ("time", "08:53:50 up", "18:03:51 up"),
            (
                "time",
                "date: Tue, 24 Nov 2026 08:53:50 GMT",
                "date: Wed, 02 Dec 2026 18:53:50 GMT",
            ),
            ("time", "Tue Nov 24 08:53:50 UTC 2026", "Wed Dec  2 08:53:50 UTC 2026"),
            ("date", "on 2026-11-24", "on 2025-01-02"),
            (
                "uuid",
                "id 67e55044-10b1-426f-9247-bb680e5fe0c8",
                "id 00000000-10b1-426f-9247-bb680e5fe0c8",
            ),
            (
                "sha256",
                &format!("sha256:{}", "a".repeat(64)),
                &format!("sha256:{}", "0".repeat(64)),
            ),
            ("id", "0123456789ab   api", "ba9876543210   api"),
            ("id", &"a".repeat(64), &"0".repeat(64)),
            ("pod", "api-6d4cf56db6-x7k2p   1/1", "api-7b9fdc5f4d-zzq9w   1/1"),
            (
                "namespace",
                "in the namespace \"book-0123abcd\"",
                "in the namespace \"book-ffffffff\"",
            ),
            (
                "resourceversion",
                "  resourceVersion: \"12345\"",
                "  resourceVersion: \"678\"",
            ),
            (
                "resourceversion",
                "\"resourceVersion\": \"12345\",",
                "\"resourceVersion\": \"678\",",
            ),
            ("ip", "host 10.244.0.7", "host 172.17.0.12"),
            ("port", "http://127.0.0.1:32768/", "http://127.0.0.1:41234/"),
            ("port", "0.0.0.0:49153->80/tcp", "0.0.0.0:49160->80/tcp"),
            ("port", "[::]:49153->80/tcp", "[::]:49160->80/tcp"),
            ("port", "listening on port 3000", "listening on port 41234"),
            ("age", "Up 2 minutes", "Up About a minute"),
            ("age", "3 seconds ago", "Less than a second ago"),
            ("age", "api   1/1   Running   12s", "api   1/1   Running   3m4s"),
            ("age", "api  5d2h", "api  7h"),
            ("duration", "Finished in 3.24s", "Finished in 11.5s"),
            ("duration", "took 12 ms", "took 7 ms"),
            ("duration", "took 1.5 seconds", "took 2 seconds"),
            ("size", "links-api   857kB", "links-api   1.2MB"),
            ("size", "12 bytes", "1400 bytes"),
            ("percent", "0.50%", "12%"),
            ("version", "docker 26.1.5", "docker v29.0.0-rc.1"),
            ("pid", "pid 42", "pid 4242"),
            ("pid", "[1] 42", "[1] 4242"),
        ] {
            assert!(same(name, a, b), "{name}: {a} | {b}");
            assert!(!same("", a, b), "{name}: {a} | {b}");
        }
    }

    #[test]
    fn no_matcher_accepts_more() {
        for (name, a, b) in [
            ("time", "on 2026-11-24", "on 2025-01-02"),
            ("time", "ratio 10:20", "ratio 10:30"),
            ("time", "08:53:50 up", "<time> up"),
            ("date", "2026-11", "2026-12"),
            ("date", "1-2-3", "1-2-4"),
            ("uuid", "67e55044", "67e55045"),
            ("sha256", "sha256:abcd", "sha256:abce"),
            ("id", "deadbeef", "deadbeee"),
            ("id", "0123456789AB", "0123456789AC"),
            ("id", "sha1 0123456789abc", "sha1 0123456789abd"),
            ("pod", "links-api", "links-web"),
            ("namespace", "book-shop", "book-mail"),
            ("namespace", "book-0123abcde", "book-0123abcdf"),
            ("resourceversion", "generation: 1", "generation: 2"),
            ("pod", "api-6d4cf56db6-x7k2p", "web-6d4cf56db6-x7k2p"),
            ("ip", "version 1.2.3", "version 1.2.4"),
            ("port", "http://127.0.0.1:3000/", "http://127.0.0.2:3000/"),
            ("port", "ratio 10:30", "ratio 10:31"),
            ("port", "0.0.0.0:49153->80/tcp", "0.0.0.0:49153->81/tcp"),
            ("age", "3 replicas", "4 replicas"),
            ("age", "api 5", "api 6"),
            ("age", "exited 1 time", "exited 2 times"),
            ("duration", "3 tests", "4 tests"),
            ("duration", "5 MB", "6 MB"),
            ("duration", "status 200", "status 404"),
            ("size", "5 blocks", "6 blocks"),
            ("size", "5 MBit", "6 MBit"),
            ("percent", "50 of 100", "51 of 100"),
            ("version", "1.2", "1.3"),
            ("version", "alpine 3", "alpine 4"),
            ("pid", "exit code 1", "exit code 2"),
            ("pid", "processed 3", "processed 4"),
        ] {
            assert!(!same(name, a, b), "{name}: {a} | {b}");
        }
    }

    #[test]
    fn columns_may_move_only_where_something_may_differ() {
        let (a, b) = ("api   1/1     Running   12s    x", "api   1/1   Running     3m4s    x");
        assert!(same("age", a, b));
        assert!(!same("", "a   b", "a    b"));
        assert!(!same("age", "a b", "a   b"));
    }

    #[test]
    fn a_name_that_does_not_exist_is_said() {
        assert_eq!(Matchers::of("time+anything").unwrap_err(), "anything");
        assert_eq!(Matchers::of("id+time").unwrap().used(), ["time", "id"]);
        assert!(Matchers::of("").unwrap().used().is_empty());
        assert_eq!(Matchers::of("time+").unwrap_err(), "");
    }
}
