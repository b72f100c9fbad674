//! What a build is made from, asked of the engine itself: it is told to give back whatever it was sent.
//!
//! That is slower than reading the ignore file here, by a few tenths of a second, and it cannot be wrong about what
//! the ignore file means.

use std::path::Path;
use std::process::Command;

use crate::{evidence, root};

/// The files of one build, with their hashes when it began.
#[derive(Debug)]
pub(super) struct Sent {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    verb: &'static str,
    path: String,
    hash: String,
    what: String,
}

impl Sent {
    /// Asks the engine what it is sent for a Dockerfile and a context folder, both relative to the book's folder.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub(super) fn of(dockerfile: &str, context: &str) -> Sent {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let mirror = scratch.path().join("mirror.Dockerfile");
        let back = scratch.path().join("back");
        std::fs::write(&mirror, "FROM scratch\nCOPY . /\n").expect("the temporary folder can be written");
        let own = format!("{dockerfile}.dockerignore");
        let ignore = [own.clone(), format!("{context}/.dockerignore")]
            .into_iter()
            .find(|p| root().join(p).is_file());
        if ignore.as_ref() == Some(&own) {
            // Its name says to which Dockerfile an ignore file belongs.
            std::fs::copy(root().join(&own), scratch.path().join("mirror.Dockerfile.dockerignore"))
                .expect("the temporary folder can be written");
        }
        let out = Command::new("docker")
            .args(["buildx", "build", "--quiet", "--file"])
            .arg(&mirror)
            .arg(format!("--output=type=local,dest={}", back.display()))
            .arg(root().join(context))
            .output()
            .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"));
        assert!(
            out.status.success(),
            "the engine takes no context:\n{}",
            String::from_utf8_lossy(&out.stderr)
        );

        let mut files = vec![File::of("built", dockerfile, "")];
        let what = format!("to build {dockerfile}");
        files.extend(ignore.iter().map(|path| File::of("applied", path, &what)));
        let mut names = Vec::new();
        walk(&back, &back, &mut names);
        names.sort();
        files.extend(
            names
                .iter()
                .map(|name| File::of("sent", &format!("{context}/{name}"), &what)),
        );
        Sent { files }
    }

    /// The Dockerfile's hash.
    pub(super) fn dockerfile(&self) -> &str {
        &self.files[0].hash
    }

    /// Copies what the engine is sent of a context to another folder.
    ///
    /// # Panics
    /// When a file cannot be copied.
    pub(super) fn copy(&self, context: &str, to: &Path) {
        for path in self.files.iter().filter(|f| f.verb == "sent").map(|f| &f.path) {
            let relative = path.strip_prefix(context).unwrap_or(path).trim_start_matches('/');
            let target = to.join(relative);
            std::fs::create_dir_all(target.parent().unwrap_or(to))
                .and_then(|()| std::fs::copy(root().join(path), &target))
                .unwrap_or_else(|e| panic!("{}: {e}", target.display()));
        }
    }

    /// Notes all of them.
    ///
    /// # Panics
    /// When one is not what it was when the build began: nobody knows which of the two was built.
    pub(super) fn note(&self) {
        for File { path, hash, .. } in &self.files {
            assert_eq!(
                &evidence::hash(path),
                hash,
                "{path} was changed while it was being built\n  fix: run the test again"
            );
        }
        for File { verb, path, hash, what } in &self.files {
            evidence::note_hashed(verb, path, hash, what);
        }
    }
}

impl File {
    fn of(verb: &'static str, path: &str, what: &str) -> File {
        File {
            verb,
            path: path.to_owned(),
            hash: evidence::hash(path),
            what: what.to_owned(),
        }
    }
}

/// All files below a folder, relative to `top`.
fn walk(top: &Path, folder: &Path, names: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let entry = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(top, &path, names),
            _ => names.extend(path.strip_prefix(top).ok().map(|p| p.to_string_lossy().into_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "ci/support/Cargo.toml was changed while it was being built\n  fix: run the test again")]
    fn a_file_that_changes_during_the_build_is_no_evidence() {
        let mut sent = Sent {
            files: vec![File::of("built", "ci/support/Cargo.toml", "")],
        };
        sent.files[0].hash = "that of another text".to_owned();
        sent.note();
    }
}
