//! The smallest HTTP client that tests need.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest that a connection, and each read from it, may take.
const LIMIT: Duration = Duration::from_secs(5);

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One request on a connection of its own, in HTTP/1.1.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let length = body.len();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    let mut part = [0; 16 * 1024];
    // An answer that says how long it is ends there. Whoever stands between (`kubectl port-forward`) may end the
    // connection rudely after that.
    while !is_whole(&bytes) {
        match stream.read(&mut part)? {
            0 => break,
            n => bytes.extend(&part[..n]),
        }
    }
    parse(&bytes).ok_or_else(|| {
        let text = String::from_utf8_lossy(&bytes);
        Error::new(ErrorKind::InvalidData, format!("no HTTP answer: {text:?}"))
    })
}

/// Whether an answer says by itself that it is complete.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let length = std::str::from_utf8(&bytes[..end]).ok().and_then(|head| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let named = key.eq_ignore_ascii_case("content-length");
            named.then(|| value.trim().parse::<usize>().ok()).flatten()
        })
    });
    match length {
        Some(length) => bytes.len() >= end + 4 + length,
        None => bytes.ends_with(b"\r\n0\r\n\r\n") && parse(bytes).is_some(),
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut answer = Answer {
        status: head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?,
        head: head.to_owned(),
        body: String::new(),
    };
    let body = &bytes[end + 4..];
    let body = match answer.header("transfer-encoding") {
        Some(coding) if coding.eq_ignore_ascii_case("chunked") => join(body)?,
        _ => body.to_owned(),
    };
    answer.body = String::from_utf8(body).ok()?;
    Some(answer)
}

/// The content of a body that came in chunks, each behind a line with its length; the last one is empty.
fn join(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let line = body.windows(2).position(|w| w == b"\r\n")?;
        let length = std::str::from_utf8(&body[..line]).ok()?.split(';').next()?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(all);
        }
        let start = line + 2;
        all.extend(body.get(start..start + length)?);
        body = body.get(start + length..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_headers_and_a_body() {
        let answer = parse(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://a\r\n\r\nbody").unwrap();
        assert_eq!(
            (answer.status, answer.header("location"), answer.body.as_str()),
            (307, Some("https://a"), "body")
        );
        for broken in ["", "HTTP/1.1 200 OK", "SSH-2.0\r\n\r\n", "HTTP/1.1 2\r\n\r\n"] {
            assert!(parse(broken.as_bytes()).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn an_answer_that_says_its_length_is_whole_without_an_end() {
        for (text, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO", false),
            ("HTTP/1.1 200 OK\r\n\r\nOK", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n",
                false,
            ),
            ("HTTP/1.1 200", false),
        ] {
            assert_eq!(is_whole(text.as_bytes()), whole, "{text}");
        }
    }

    #[test]
    fn a_body_in_chunks_is_joined_also_when_a_letter_is_cut() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_bytes();
        let whole = [head, b"2\r\na\xc3\r\n1;x=y\r\n\xa4\r\n0\r\n\r\n"].concat();
        assert_eq!(parse(&whole).unwrap().body, "a\u{e4}");
        let cut = [head, b"5\r\na"].concat();
        assert!(parse(&cut).is_none());
    }
}
