//! The service worker: written at the site's root after everything else, with the list of what there is to keep.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use sha2::{Digest, Sha256};

use super::{encode, links};

/// The worker's name in a site's root. A worker rules what lies beside and below it.
pub const FILE: &str = "sw.js";

/// Takes the place of a worker that a browser remembers from a site built for readers on the same port.
const LIVE: &str = "// The site is being written: nothing of it is kept.\n\
    self.addEventListener(\"install\", () => self.skipWaiting());\n\
    self.addEventListener(\"activate\", (event) => event.waitUntil((async () => {\n\
    \x20 const ours = `book ${new URL(self.registration.scope).pathname} `;\n\
    \x20 for (const name of await caches.keys()) if (name.startsWith(ours)) await caches.delete(name);\n\
    \x20 await self.registration.unregister();\n\
    })()));\n";

/// Writes the worker of a site that is finished. `source` is its script, relative to the book's root.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn write(site: &Path, root: &Path, source: &str, live: bool) -> Result<()> {
    let text = if live {
        LIVE.to_owned()
    } else {
        let script = std::fs::read_to_string(root.join(source)).with_context(|| {
            format!("book.toml names the worker {source}, and it cannot be read\n  fix: correct the name")
        })?;
        worker(&kept(site)?, &script)?
    };
    std::fs::write(site.join(FILE), text)?;
    Ok(())
}

fn worker(files: &BTreeMap<String, String>, script: &str) -> Result<String> {
    let list = serde_json::to_string_pretty(files)?;
    let mut hash = Sha256::new();
    hash.update(&list);
    hash.update(script);
    let build: String = hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!(
        "\"use strict\";\nconst BUILD = \"{build}\";\nconst FILES = {list};\n\n{script}"
    ))
}

/// The address of each file that a reader may need, with its SHA-256 in base64.
pub fn kept(site: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![site.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = links::relative(site, &path);
            if !is_needed(&name) {
                continue;
            }
            let digest = Sha256::digest(std::fs::read(&path)?);
            files.insert(encode(&name), base64::engine::general_purpose::STANDARD.encode(digest));
        }
    }
    Ok(files)
}

/// What crawlers and previews ask for, and what a reader saves, is nothing that a page needs.
fn is_needed(name: &str) -> bool {
    let for_others = matches!(name, FILE | "sitemap.xml" | "robots.txt" | "CNAME");
    !for_others && !name.starts_with('.') && !name.starts_with("card-") && !name.ends_with(".epub")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn all_that_a_page_needs_is_kept_and_nothing_else() {
        let dir = site(&[
            ("index.html", "a"),
            ("m/a b.html", "b"),
            ("m/lab.wasm", "c"),
            (".nojekyll", ""),
            ("sitemap.xml", ""),
            ("robots.txt", ""),
            ("card-01234567.png", ""),
            ("book.epub", ""),
            ("sw.js", "the last one"),
        ]);
        let names: Vec<String> = kept(dir.path()).unwrap().into_keys().collect();
        assert_eq!(names, ["index.html", "m/a%20b.html", "m/lab.wasm"]);
    }

    /// A browser sees a new build by the worker's bytes alone.
    #[test]
    fn another_text_is_another_worker_and_the_same_text_the_same() {
        let of = |text: &str| {
            let dir = site(&[("index.html", text), ("w.js", "work();\n")]);
            write(dir.path(), dir.path(), "w.js", false).unwrap();
            std::fs::read_to_string(dir.path().join(FILE)).unwrap()
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert!(of("a").ends_with("\nwork();\n"), "{}", of("a"));
        assert!(
            of("a").contains("\"index.html\": \"ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=\""),
            "{}",
            of("a")
        );
    }

    #[test]
    fn a_site_that_is_being_written_is_not_kept() {
        let dir = site(&[("index.html", "a")]);
        write(dir.path(), dir.path(), "none.js", true).unwrap();
        assert!(
            std::fs::read_to_string(dir.path().join(FILE))
                .unwrap()
                .contains("unregister")
        );
        assert!(write(dir.path(), dir.path(), "none.js", false).is_err());
    }
}
