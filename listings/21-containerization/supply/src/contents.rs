//! What a program was made from: the list that `cargo auditable` puts
//! into it, and a bill of materials made of that.

use serde::Deserialize;
use serde_json::{Value, json};

/// One crate that went into a program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry`.
    pub source: String,
    /// `build` for one that only ran while the program was built.
    pub kind: Option<String>,
    /// Whether it is the program's own.
    #[serde(default)]
    pub root: bool,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is none, or it is damaged.
    #[error(
        "no list of crates: {0}\n  fix: build the program with cargo auditable"
    )]
    Absent(#[from] auditable_info::Error),
    /// The list is not what cargo auditable writes.
    #[error("the list of crates is not one: {0}")]
    Strange(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

/// How large a list may be, in bytes: a hostile image could hold one
/// that unpacks without end.
const MOST: usize = 8 << 20;

// ANCHOR: packages
/// The crates that a program names in its section `.dep-v0`.
///
/// # Errors
/// When it was built without `cargo auditable`.
pub fn packages(program: &[u8]) -> Result<Vec<Package>, Unreadable> {
    let json = auditable_info::json_from_slice(program, MOST)?;
    let list: List = serde_json::from_str(&json)?;
    Ok(list.packages)
}
// ANCHOR_END: packages

// ANCHOR: bill
/// A bill of materials in CycloneDX, which scanners read.
pub fn bill(packages: &[Package]) -> Value {
    let own = packages.iter().find(|package| package.root);
    let others = packages.iter().filter(|package| !package.root);
    let others = others.map(|package| component("library", package));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": own.map(|own| component("application", own)),
        },
        "components": others.collect::<Vec<_>>(),
    })
}
// ANCHOR_END: bill

// ANCHOR: component
fn component(kind: &str, package: &Package) -> Value {
    let Package { name, version, .. } = package;
    let mut component =
        json!({ "type": kind, "name": name, "version": version });
    if package.source == "crates.io" {
        let url = format!("pkg:cargo/{name}@{version}");
        component["purl"] = url.into();
    }
    if package.kind.as_deref() == Some("build") {
        component["scope"] = "excluded".into();
    }
    component
}
// ANCHOR_END: component

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            source: source.to_owned(),
            kind: None,
            root: false,
        }
    }

    #[test]
    fn a_bill_tells_the_program_from_its_parts() {
        let own = Package { root: true, ..package("links", "local") };
        let tool = Package {
            kind: Some("build".to_owned()),
            ..package("cc", "crates.io")
        };
        let bill = bill(&[package("tokio", "crates.io"), own, tool]);
        let own = &bill["metadata"]["component"];
        assert_eq!(own["name"], "links");
        assert_eq!(own["purl"], Value::Null, "nobody publishes it");
        let parts = bill["components"].as_array().unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0]["purl"], "pkg:cargo/tokio@1.2.3");
        assert_eq!(parts[0]["scope"], Value::Null);
        assert_eq!(parts[1]["scope"], "excluded");
    }

    #[test]
    fn a_program_without_a_list_says_what_to_do() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let said = packages(&own).unwrap_err().to_string();
        assert!(said.contains("cargo auditable"), "{said}");
        assert!(packages(b"#!/bin/sh\n").is_err());
    }
}
