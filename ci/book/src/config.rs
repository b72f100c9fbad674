//! The book's own settings: `book.toml`, as far as the verifier needs it.
//!
//! ```toml
//! [preprocessor.book]
//! listings = ["listings"]    # every source file below must be shown by a page
//! snippets = "snippets"      # the package in which skeptic runs Rust that pages write
//! ```

use std::path::Path;

use serde::Deserialize;

use crate::model::{Finding, Root};

/// What a book sets for the verifier.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the pages, relative to the root.
    pub src: String,
    /// Folders in which every source file has to be shown by a page.
    pub listings: Vec<String>,
    /// The package in which skeptic compiles and runs Rust that pages write. `None`: no page may write Rust.
    pub snippets: Option<String>,
    /// Shell patterns of files below `listings` that need not be shown.
    pub unshown: Vec<String>,
    /// Seconds that one test program may take.
    pub test_budget: u64,
    /// Seconds that one console command may take, unless its block says otherwise.
    pub console_budget: u64,
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    book: BookTable,
    #[serde(default)]
    preprocessor: Preprocessors,
}

#[derive(Default, Deserialize)]
struct BookTable {
    src: Option<String>,
}

#[derive(Default, Deserialize)]
struct Preprocessors {
    #[serde(default)]
    book: Own,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Own {
    #[serde(default)]
    listings: Vec<String>,
    snippets: Option<String>,
    #[serde(default)]
    unshown: Vec<String>,
    test_budget: Option<u64>,
    console_budget: Option<u64>,
    // Read where the site is built.
    #[allow(dead_code)]
    card: Option<String>,
    #[allow(dead_code)]
    cover: Option<String>,
    #[allow(dead_code)]
    offline: Option<String>,
    // mdBook's own keys.
    #[allow(dead_code)]
    command: Option<String>,
    #[allow(dead_code)]
    before: Option<Vec<String>>,
    #[allow(dead_code)]
    after: Option<Vec<String>>,
    #[allow(dead_code)]
    renderers: Option<Vec<String>>,
    #[allow(dead_code)]
    optional: Option<bool>,
}

impl Config {
    /// Reads `book.toml`. The finding names the line that does not parse.
    pub fn load(root: &Root) -> Result<Config, Finding> {
        let path = root.join("book.toml");
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Finding::new(
                "book.toml",
                1,
                format!("cannot be read: {e}"),
                "run `cargo book` inside a book's folder",
            )
        })?;
        let file: File = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Finding::new(
                "book.toml",
                line,
                e.message().to_owned(),
                "correct this line of book.toml",
            )
        })?;
        let own = file.preprocessor.book;
        Ok(Config {
            src: file.book.src.unwrap_or_else(|| "src".into()),
            listings: own.listings,
            snippets: own.snippets,
            unshown: own.unshown,
            test_budget: own.test_budget.unwrap_or(900),
            console_budget: own.console_budget.unwrap_or(120),
        })
    }

    /// Whether a path (relative to the root) lies in a listings folder.
    pub fn is_below_listings(&self, path: &str) -> bool {
        self.listings.iter().any(|dir| Path::new(path).starts_with(dir))
    }
}

/// Finds the book's root: the nearest folder with a `book.toml`, from the current one upwards.
pub fn find_root() -> anyhow::Result<Root> {
    let here = std::env::current_dir()?;
    if let Some(dir) = std::env::var_os("BOOK_ROOT") {
        return Ok(Root {
            path: std::fs::canonicalize(dir)?,
        });
    }
    here.ancestors()
        .find(|dir| dir.join("book.toml").is_file())
        .map(|dir| Root {
            path: dir.to_path_buf(),
        })
        .ok_or_else(|| anyhow::anyhow!("there is no book.toml here or above\n  fix: cd into a clone of the book"))
}
