//! The site's own copy of each file that a page shows: the whole file, each line with an address.

use std::path::Path;

use anyhow::{Context, Result};

use super::{escape, listing_address};

/// Light and dark, without a request.
const STYLE: &str = include_str!("listing.css");

/// Writes `<site>/listings/<path>.html` for each file, relative to `root`.
///
/// # Errors
///
/// When a file cannot be read or a page cannot be written.
pub fn listing_pages(site: &Path, root: &Path, files: &[String]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(site.join("listings"))?;
    std::fs::write(site.join("listings/listing.css"), STYLE)?;
    for path in files {
        let bytes = std::fs::read(root.join(path)).with_context(|| format!("{path} cannot be read"))?;
        let target = site.join(format!("listings/{path}.html"));
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&target, listing_page(path, &String::from_utf8_lossy(&bytes)))
            .with_context(|| format!("{} cannot be written", target.display()))?;
    }
    Ok(())
}

fn listing_page(path: &str, text: &str) -> String {
    let to_root = "../".repeat(listing_address(path).matches('/').count());
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{name}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"description\" content=\"{path}, as the book shows it\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"{to_root}listings/listing.css\">\n\
         <script>try {{ document.documentElement.dataset.theme = localStorage.getItem('mdbook-theme') ?? ''; }} catch {{}}</script>\n\
         </head>\n<body>\n<header><a href=\"{to_root}index.html\">← The book</a><h1>{path}</h1></header>\n<main>\n\
         <pre tabindex=\"0\" role=\"region\" aria-label=\"{name}\"><code>",
        name = escape(name),
        path = escape(path),
    );
    for (i, line) in text.lines().enumerate() {
        // The line's end is inside, so that an empty line has a height and a selection copies what the file holds.
        let line = escape(line)
            .replace("&#123;", "{")
            .replace("&#39;", "'")
            .replace("&quot;", "\"");
        out.push_str(&format!("<span id=\"L{}\">{line}\n</span>", i + 1));
    }
    out.push_str("</code></pre>\n</main>\n</body>\n</html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_an_address_for_each_line() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("site");
        std::fs::create_dir_all(root.path().join("listings/m")).unwrap();
        std::fs::write(root.path().join("listings/m/a.rs"), "fn a<'x>() {\n\n    \"&\"\n}\n").unwrap();
        listing_pages(&site, root.path(), &["listings/m/a.rs".into()]).unwrap();
        let page = std::fs::read_to_string(site.join("listings/listings/m/a.rs.html")).unwrap();
        assert!(
            page.contains("<span id=\"L1\">fn a&lt;'x&gt;() {\n</span><span id=\"L2\">\n</span>"),
            "{page}"
        );
        assert!(page.contains("<span id=\"L3\">    \"&amp;\"\n</span>"), "{page}");
        assert!(page.contains("href=\"../../../index.html\""), "{page}");
        assert!(listing_pages(&site, root.path(), &["listings/m/none.rs".into()]).is_err());
    }
}
