//! Which changes of which files build the site again.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Signal;
use crate::model::Root;

/// Watches a book: its root's files, every folder below that git does not ignore, and the evidence.
pub(super) struct Watch {
    root: PathBuf,
    rules: Gitignore,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    pub(super) fn start(root: &Path, sender: Sender<Signal>) -> Result<Watch> {
        // Systems report real paths.
        let root = std::fs::canonicalize(root).with_context(|| format!("{} cannot be read", root.display()))?;
        let rules = rules(&root);
        let evidence = evidence(&root);
        let filter = (root.clone(), rules.clone(), evidence);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let (root, rules, evidence) = &filter;
            // An error means that events were lost: better one build too many.
            if event.is_err() || event.is_ok_and(|event| matters(root, rules, evidence, &event)) {
                let _ = sender.send(Signal::Changed);
            }
        })?;
        let mut watch = Watch {
            root,
            rules,
            watcher,
            watched: BTreeSet::new(),
        };
        watch.renew()?;
        Ok(watch)
    }

    /// Watches folders that are new since the last time.
    pub(super) fn renew(&mut self) -> Result<()> {
        self.add(self.root.clone(), RecursiveMode::NonRecursive)?;
        for entry in std::fs::read_dir(&self.root)?.flatten() {
            let path = entry.path();
            if path.is_dir() && !is_hidden(&entry.file_name()) && !is_ignored(&self.rules, &path, true) {
                self.add(path, RecursiveMode::Recursive)?;
            }
        }
        let evidence = evidence(&self.root);
        if evidence.is_dir() {
            self.add(evidence, RecursiveMode::NonRecursive)?;
        }
        self.watched.retain(|path| path.exists());
        Ok(())
    }

    fn add(&mut self, path: PathBuf, mode: RecursiveMode) -> Result<()> {
        if self.watched.contains(&path) {
            return Ok(());
        }
        match self.watcher.watch(&path, mode) {
            Ok(()) => {
                self.watched.insert(path);
                Ok(())
            }
            // Gone between the listing and now.
            Err(_) if !path.exists() => Ok(()),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "{} cannot be watched\n  fix: raise the system's limit of watches (Linux: sysctl fs.inotify.max_user_watches)",
                    path.display()
                )
            }),
        }
    }
}

/// Badges change when a check has run.
fn evidence(root: &Path) -> PathBuf {
    Root {
        path: root.to_path_buf(),
    }
    .work()
    .join("evidence")
}

fn rules(root: &Path) -> Gitignore {
    let mut builder = GitignoreBuilder::new(root);
    // A book without one, or with a line that git would not read either, is watched as a whole.
    let _ = builder.add(root.join(".gitignore"));
    for always in ["/target/", "/book/", "node_modules/", "/.git/"] {
        let _ = builder.add_line(None, always);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn is_ignored(rules: &Gitignore, path: &Path, is_dir: bool) -> bool {
    path.starts_with(rules.path()) && rules.matched_path_or_any_parents(path, is_dir).is_ignore()
}

fn matters(root: &Path, rules: &Gitignore, evidence: &Path, event: &Event) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    event.paths.iter().any(|path| {
        if is_passing(path) {
            return false;
        }
        if path.starts_with(evidence) {
            return path.extension().is_some_and(|e| e == "json");
        }
        let is_dir = path.is_dir();
        // A folder's own time changes with everything in it; only one that comes or goes says something new.
        if is_dir
            && !matches!(
                event.kind,
                EventKind::Create(_) | EventKind::Modify(notify::event::ModifyKind::Name(_))
            )
        {
            return false;
        }
        let Ok(inside) = path.strip_prefix(root) else {
            return false;
        };
        path != root && !inside.components().any(|part| is_hidden(part.as_os_str())) && !is_ignored(rules, path, is_dir)
    })
}

/// Files of tools and editors; but a book may show a workflow or cargo's configuration.
fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.') && !SHOWN.iter().any(|shown| name == *shown)
}

const SHOWN: [&str; 4] = [".ci", ".github", ".cargo", ".gitignore"];

/// Files of editors and of writers that rename a whole file into place.
fn is_passing(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    is_hidden(OsStr::new(&name))
        || name.ends_with('~')
        || name.starts_with('#')
        || name == "4913"
        || [".swp", ".swx", ".tmp", ".bak", ".orig", ".part"]
            .iter()
            .any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, DataChange, ModifyKind};

    #[test]
    fn only_what_a_reader_could_see_builds_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        std::fs::write(root.join(".gitignore"), "/target/\n/src/mermaid.min.js\n").unwrap();
        std::fs::create_dir(root.join("src")).unwrap();
        let rules = rules(&root);
        let evidence = root.join("target/book/evidence");
        let changed = |path: &str| {
            let event = Event::new(EventKind::Modify(ModifyKind::Data(DataChange::Any))).add_path(root.join(path));
            matters(&root, &rules, &evidence, &event)
        };
        for path in [
            "src/a.md",
            "book.toml",
            "listings/x/src/lib.rs",
            ".github/workflows/ci.yml",
            "target/book/evidence/x.json",
        ] {
            assert!(changed(path), "{path}");
        }
        for path in [
            "src",
            "src/.a.md.swp",
            "src/a.md~",
            "src/4913",
            "src/mermaid.min.js",
            "target/debug/x",
            "book/index.html",
            "src/.tmpAbc",
            "target/book/evidence/.x",
            ".book-building-1/site/x.html",
            "ci/browser/node_modules/x/y.js",
        ] {
            assert!(!changed(path), "{path}");
        }
        let read = Event::new(EventKind::Access(AccessKind::Any)).add_path(root.join("src/a.md"));
        assert!(!matters(&root, &rules, &evidence, &read));
        let folder = Event::new(EventKind::Create(CreateKind::Folder)).add_path(root.join("src"));
        assert!(matters(&root, &rules, &evidence, &folder));
    }
}
