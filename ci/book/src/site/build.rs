//! mdBook in process: the site is built beside its place and put there only when it is whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_preprocessor::Preprocessor;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};

use super::finish::{self, About, Options};
use super::{listing, mermaid, offline, search};

/// Builds the book of `root` into `dest`.
///
/// `pre` takes the place of the preprocessor of its name in `book.toml`. `files_shown` are the files of which the
/// site gets a copy. A site that stands in `dest` stays as it is unless this one is whole.
///
/// # Errors
///
/// When mdBook fails, and also when it only warns: an include that does not resolve or a tag that is not closed is
/// nothing that a reader should find. When `dest` holds something that is not a site.
pub fn build(
    root: &Path,
    dest: &Path,
    pre: impl Preprocessor + 'static,
    files_shown: &[String],
    options: &Options,
) -> Result<()> {
    let root = std::path::absolute(root)?;
    let dest = std::path::absolute(dest)?;
    may_replace(&root, &dest)?;
    let place = Place::beside(&dest)?;
    let about = run_mdbook(&root, &place.site(), pre, options)?;
    let site = place.site();
    let diagrams = pages_below(&site)?
        .iter()
        .any(|page| std::fs::read_to_string(page).is_ok_and(|text| text.contains(mermaid::MARK)));
    // A copy may lie in the pages' folder for stock mdBook; what the site ships is the library's own file or nothing.
    let library = site.join(mermaid::FILE);
    if diagrams {
        mermaid::write(&library)?;
    } else if library.exists() {
        std::fs::remove_file(&library)?;
    }
    let unique: BTreeSet<&String> = files_shown.iter().collect();
    listing::listing_pages(&site, &root, &unique.into_iter().cloned().collect::<Vec<_>>())?;
    crate::lab::copy_to_site(&root, &site)?;
    search::improve(&site)?;
    finish::finish(&site, &root, &about, options)?;
    if let Some(source) = &about.offline {
        offline::write(&site, &root, source, options.live)?;
    }
    std::fs::write(site.join(".nojekyll"), "")?;
    place.put_at(&dest)
}

const RUNNABLE: &str = "output.html.playground.runnable";

fn run_mdbook(root: &Path, site: &Path, pre: impl Preprocessor + 'static, options: &Options) -> Result<About> {
    let said = Said::default();
    let subscriber = tracing_subscriber::registry().with(said.clone());
    let result = tracing::subscriber::with_default(subscriber, || -> Result<About> {
        let mut config = Config::from_disk(root.join("book.toml"))?;
        let about = About {
            title: config.book.title.clone().unwrap_or_default(),
            description: config.book.description.clone().unwrap_or_default(),
            card: config.get("preprocessor.book.card")?,
            offline: config.get("preprocessor.book.offline")?,
        };
        config.build.build_dir = site.to_path_buf();
        // mdBook would write an empty page for one that the summary names and nobody wrote.
        config.build.create_missing = false;
        // With mdBook's default, each page with Rust on it asks a third party which crates its playground has.
        if config.get::<bool>(RUNNABLE)?.is_none() {
            config.set(RUNNABLE, false)?;
        }
        // The 404 page is found at any depth, so its links are those of the site's address.
        if let Some(url) = &options.url {
            config.set("output.html.site-url", finish::path_of(url))?;
        }
        let mut book = MDBook::load_with_config(root, config)?;
        book.with_preprocessor(pre);
        book.build()?;
        Ok(about)
    });
    let said = said.take();
    let about = match result {
        Err(error) => {
            let mut text = format!("{error:#}");
            for line in said {
                let _ = write!(text, "\n{line}");
            }
            bail!("mdBook could not build the site: {text}\n  fix: correct the page or book.toml")
        }
        Ok(_) if !said.is_empty() => {
            bail!(
                "mdBook built a site that misleads readers:\n{}\n  fix: correct the page or book.toml",
                said.join("\n")
            )
        }
        Ok(about) => about,
    };
    // With a second output mdBook gives each a folder of its own.
    let html = site.join("html");
    if !site.join("index.html").exists() && html.join("index.html").exists() {
        let aside = site.with_extension("html");
        std::fs::rename(&html, &aside)?;
        std::fs::remove_dir_all(site)?;
        std::fs::rename(&aside, site)?;
    }
    Ok(about)
}

/// What mdBook warns of while it builds.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl<S: Subscriber> Layer<S> for Said {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        if *event.metadata().level() > Level::WARN {
            return;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .push(message.0);
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// The HTML files below a folder.
pub(super) fn pages_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|e| e == "html") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Nothing but a site may be replaced by one: `-d ~` would cost a reader their home folder.
fn may_replace(root: &Path, dest: &Path) -> Result<()> {
    if root.starts_with(dest) {
        bail!(
            "{} holds the book itself\n  fix: name another folder, as in `cargo book build -d /tmp/site`",
            dest.display()
        );
    }
    if !dest.exists() {
        return Ok(());
    }
    let empty = dest.is_dir() && std::fs::read_dir(dest)?.next().is_none();
    let is_site = dest.join(".nojekyll").is_file() && dest.join("index.html").is_file();
    if !empty && !is_site {
        bail!(
            "{} is there and is not a site that mdBook wrote, so it is not replaced\n  fix: remove it, or name another folder",
            dest.display()
        );
    }
    Ok(())
}

/// Where a site is built: a folder beside its destination, so that one rename puts it there.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn beside(dest: &Path) -> Result<Place> {
        let (Some(parent), Some(name)) = (dest.parent(), dest.file_name()) else {
            bail!(
                "{} is no place for a site\n  fix: name a folder, as in `cargo book build -d /tmp/site`",
                dest.display()
            );
        };
        std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        let prefix = format!(".{}-building-", name.to_string_lossy());
        remove_left_behind(parent, &prefix);
        // Two builds of one process may run at a time, in tests.
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = parent.join(format!("{prefix}{}-{count}", std::process::id()));
        std::fs::create_dir(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        Ok(Place { dir })
    }

    fn site(&self) -> PathBuf {
        self.dir.join("site")
    }

    fn put_at(&self, dest: &Path) -> Result<()> {
        let old = self.dir.join("old");
        let had = dest.exists();
        if had {
            std::fs::rename(dest, &old).with_context(|| format!("{} cannot be moved aside", dest.display()))?;
        }
        if let Err(error) = std::fs::rename(self.site(), dest) {
            if had {
                std::fs::rename(&old, dest)?;
            }
            return Err(error).with_context(|| format!("the site cannot be put at {}", dest.display()));
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Removes what a killed build left: folders of processes that are gone.
fn remove_left_behind(parent: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(prefix).and_then(|rest| rest.split('-').next()) else {
            continue;
        };
        // Only where the system shows its processes; elsewhere the folder of a killed build stays.
        if Path::new("/proc/self").exists() && !Path::new("/proc").join(pid).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
