//! The address of a target, checked once.

use std::str::FromStr;

/// An https address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that the server's certificate has to be for.
    pub host: String,
    /// 443, unless the address says otherwise.
    pub port: u16,
    /// Begins with a slash.
    pub path: String,
}

/// A text that is no such address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no address like https://example.org/path")]
pub struct NoTarget(String);

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Target, NoTarget> {
        let wrong = || NoTarget(text.to_owned());
        let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
        let (place, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            None => (place, 443),
        };
        let fits = !host.is_empty()
            && text.bytes().all(|b| b.is_ascii_graphic());
        let (host, path) = (host.to_owned(), path.to_owned());
        fits.then_some(Target { host, port, path }).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(
        host: &str,
        port: u16,
        path: &str,
    ) -> Result<Target, NoTarget> {
        let (host, path) = (host.to_owned(), path.to_owned());
        Ok(Target { host, port, path })
    }

    #[test]
    fn an_address_is_taken_apart() {
        for (text, parts) in [
            ("https://docs.rs", target("docs.rs", 443, "/")),
            ("https://a:8443/b?c", target("a", 8443, "/b?c")),
        ] {
            assert_eq!(text.parse(), parts);
        }
    }

    #[test]
    fn what_is_no_https_address_is_refused() {
        for text in [
            "http://docs.rs",
            "docs.rs",
            "https://",
            "https://:443/",
            "https://a:many/",
            "https://a/ HTTP/1.1\r\n",
        ] {
            let refused = Target::from_str(text);
            assert_eq!(refused, Err(NoTarget(text.to_owned())));
        }
    }
}
