//! What was counted: a file with one line for each click. It stands for the service's database, and its `seen` for a
//! unique key there.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::click::Click;

/// The ids of all clicks that were counted, on disk and in memory.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    seen: HashSet<String>,
    codes: BTreeMap<String, usize>,
}

impl Ledger {
    /// Opens it, or begins one. A line that was cut off by a crash was not acknowledged either, and is taken away.
    pub fn open(path: &Path) -> io::Result<Ledger> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut ledger = Ledger {
            file,
            seen: HashSet::new(),
            codes: BTreeMap::new(),
        };
        for line in text[..whole].lines() {
            let click = Click::from_json(line.as_bytes())
                .map_err(io::Error::other)?;
            ledger.remember(&click);
        }
        Ok(ledger)
    }

    // ANCHOR: count
    /// Counts a click, unless its id was counted before: then false.
    /// When it comes back, the click is on disk.
    pub fn count(&mut self, click: &Click) -> io::Result<bool> {
        if self.seen.contains(&click.id) {
            return Ok(false);
        }
        let line = format!("{}\n", click.to_json());
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.remember(click);
        Ok(true)
    }
    // ANCHOR_END: count

    fn remember(&mut self, click: &Click) {
        self.seen.insert(click.id.clone());
        *self.codes.entry(click.code.clone()).or_default() += 1;
    }

    /// How many clicks were counted.
    pub fn total(&self) -> usize {
        self.seen.len()
    }

    /// How many for each link.
    pub fn codes(&self) -> &BTreeMap<String, usize> {
        &self.codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_counts_once_also_for_the_next_process_and_a_torn_line_does_not()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let clicks = Click::numbered("rust", 0..3);
        let mut ledger = Ledger::open(&path).unwrap();
        assert!(
            ledger.count(&clicks[0]).unwrap()
                && ledger.count(&clicks[1]).unwrap()
        );
        assert!(!ledger.count(&clicks[0]).unwrap());
        drop(ledger);

        let mut file =
            OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&clicks[2].to_json().as_bytes()[..9]).unwrap();
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.total(), 2);
        assert!(!ledger.count(&clicks[1]).unwrap());
        assert!(ledger.count(&clicks[2]).unwrap());
        drop(ledger);
        assert_eq!(
            Ledger::open(&path).unwrap().codes(),
            &BTreeMap::from([("rust".to_owned(), 3)])
        );
    }

    #[test]
    fn a_file_that_is_no_ledger_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        std::fs::write(&path, "somebody else's\n").unwrap();
        assert!(Ledger::open(&path).is_err());
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "somebody else's\n"
        );
    }
}
