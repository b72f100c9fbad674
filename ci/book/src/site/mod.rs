//! The HTML site.
//!
//! | module | what lives there |
//! |---|---|
//! | [`render`] | one page: captions, badges |
//! | `code` | a listing's lines: numbers, changes, folds |
//! | [`state`] | what is known of the whole book |
//! | [`aids`] | where a reader is, and where to go on |
//! | [`listing`] | the site's own copy of each file that a page shows |
//! | [`build`] | mdBook in process; a site replaces another only as a whole |
//! | [`mermaid`] | the diagram library: where it is from, what it says of a diagram |
//! | `room` | how much room a diagram will take |
//! | [`html`] | raw HTML in pages is balanced |
//! | [`finish`] | what built pages lack: policy, descriptions, addresses |
//! | [`search`] | the search index finds what a terminal prints |
//! | [`offline`] | the service worker |
//! | [`epub`] | the same text as an EPUB |
//! | [`links`] | every link of the built site leads somewhere |
//! | [`progress`] | the list of all pages, for what a reader has done |
//! | `session` | what of a shell session a reader would paste |
//! | [`serve`] | the local server: live reload, errors shown in the page |

pub mod aids;
pub mod build;
mod code;
pub mod epub;
pub mod finish;
pub mod html;
pub mod links;
pub mod listing;
pub mod mermaid;
pub mod offline;
pub mod progress;
pub mod render;
mod room;
pub mod search;
pub mod serve;
mod session;
pub mod state;

/// Text for HTML, in an element or in a quoted attribute.
///
/// Braces too, so that neither mdBook's `links` nor a template takes shown text for a directive; and line breaks,
/// because a blank line would end an HTML block in Markdown.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '{' => out.push_str("&#123;"),
            '\n' => out.push_str("&#10;"),
            '\r' => {}
            _ => out.push(c),
        }
    }
    out
}

/// The address of the site's copy of a file, relative to the site's root.
pub fn listing_address(path: &str) -> String {
    format!("listings/{}.html", encode(path))
}

/// Percent-encodes what may not stand in a URL's path.
pub fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Undoes [`encode`]. `None` when what results is not UTF-8, or a `%` is not followed by two digits.
pub fn decode(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for path in ["a/b.rs", "a b/ü%.rs", "x#y?z"] {
            assert_eq!(decode(&encode(path)).as_deref(), Some(path));
        }
        assert_eq!(encode("a b"), "a%20b");
        for bad in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
