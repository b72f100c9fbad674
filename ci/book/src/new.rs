//! `cargo book new`: a page that is verified from its first minute, to be changed from there.

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::model::Root;

/// Writes a page, a listing with a test, and the summary's line. Returns the files. Overwrites nothing.
pub fn page(root: &Root, config: &Config, path: &str, title: &str) -> Result<Vec<String>> {
    let Some((module, name)) = path.split_once('/').filter(|(m, n)| plain(m) && plain(n)) else {
        bail!(
            "`{path}` is not MODULE/NAME in lower-case letters, digits and hyphens\n  fix: cargo book new page 21-containerization/health-checks \"Health checks\""
        );
    };
    if title.trim().is_empty() || title.contains(['\n', '[', ']']) {
        bail!("a title is one line without brackets\n  fix: cargo book new page {path} \"A title\"");
    }
    let Some(listings) = config.listings.first() else {
        bail!("book.toml names no listings folder\n  fix: set `listings` in [preprocessor.book]");
    };
    let crate_name = name.replace('-', "_");
    let dir = format!("{listings}/{module}/{name}");
    let md = format!("{}/{module}/{name}.md", config.src);
    let files = [
        (md.clone(), page_text(title, &dir, name)),
        (format!("{dir}/Cargo.toml"), manifest(name)),
        (format!("{dir}/src/lib.rs"), lib_text(title)),
        (format!("{dir}/tests/{crate_name}.rs"), test_text(&crate_name)),
    ];
    for (file, _) in &files {
        if root.join(file).exists() {
            bail!("{file} exists already\n  fix: choose another name, or delete it");
        }
    }
    let summary = format!("{}/SUMMARY.md", config.src);
    let text = std::fs::read_to_string(root.join(&summary)).with_context(|| format!("{summary} cannot be read"))?;
    let text = with_entry(&text, module, &format!("{module}/{name}.md"), title);
    for (file, text) in &files {
        let target = root.join(file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&target, text).with_context(|| format!("{file} cannot be written"))?;
    }
    std::fs::write(root.join(&summary), text)?;
    Ok(files.into_iter().map(|(file, _)| file).chain([summary]).collect())
}

fn plain(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !word.starts_with('-')
}

/// The summary with the page after the last page of its module, as deep as that one; at the end where there is none.
fn with_entry(summary: &str, module: &str, link: &str, title: &str) -> String {
    let mut lines: Vec<String> = summary.lines().map(str::to_owned).collect();
    let last = lines
        .iter()
        .rposition(|line| line.contains(&format!("({module}/")) || line.contains(&format!("(./{module}/")));
    let indent = last.map_or("", |i| {
        let line = &lines[i];
        &line[..line.len() - line.trim_start().len()]
    });
    // The module's opening is the parent of its pages.
    let opening =
        last.is_some_and(|i| lines[i].contains(&format!("({module}/README.md")) || lines[i].contains("/index.md"));
    let entry = format!("{indent}{}- [{title}]({link})", if opening { "  " } else { "" });
    match last {
        Some(i) => lines.insert(i + 1, entry),
        None => lines.push(entry),
    }
    lines.join("\n") + "\n"
}

fn page_text(title: &str, dir: &str, name: &str) -> String {
    let crate_name = name.replace('-', "_");
    format!(
        "# {title}\n\n\
         At the end of this page you can say what `greeting` returns, and why.\n\n\
         ```rust,title=\"change this listing\"\n{{{{#include ../../{dir}/src/lib.rs:greeting}}}}\n```\n\n\
         Its test:\n\n\
         ```rust,title=\"run it with cargo test -p {name}\"\n{{{{#include ../../{dir}/tests/{crate_name}.rs:test}}}}\n```\n\n\
         ## What you now know\n\n\
         - The shown lines were executed by the test above.\n"
    )
}

fn manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\n\
         rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n\
         [lints]\nworkspace = true\n"
    )
}

fn lib_text(title: &str) -> String {
    format!(
        "//! {title}.\n\n// ANCHOR: greeting\n/// Greets a reader by name.\npub fn greeting(name: &str) -> String {{\n    \
         format!(\"Hello, {{name}}!\")\n}}\n// ANCHOR_END: greeting\n"
    )
}

fn test_text(crate_name: &str) -> String {
    format!(
        "//! What the page says of `greeting`.\n\nuse {crate_name}::greeting;\n\n// ANCHOR: test\n#[test]\nfn it_names_the_reader() {{\n    \
         assert_eq!(greeting(\"Ada\"), \"Hello, Ada!\");\n}}\n// ANCHOR_END: test\n"
    )
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_summary_keeps_its_order() {
        let summary = "# Summary\n\n- [A](a/README.md)\n  - [One](a/one.md)\n- [B](b/README.md)\n";
        assert_eq!(
            with_entry(summary, "a", "a/two.md", "Two"),
            "# Summary\n\n- [A](a/README.md)\n  - [One](a/one.md)\n  - [Two](a/two.md)\n- [B](b/README.md)\n"
        );
        assert!(with_entry(summary, "b", "b/x.md", "X").ends_with("- [B](b/README.md)\n  - [X](b/x.md)\n"));
        assert!(with_entry(summary, "c", "c/x.md", "X").ends_with("- [X](c/x.md)\n"));
    }

    #[test]
    fn bad_names_are_refused_with_the_fix() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root {
            path: dir.path().into(),
        };
        std::fs::write(
            root.join("book.toml"),
            "[preprocessor.book]\nlistings = [\"listings\"]\n",
        )
        .unwrap();
        let config = Config::load(&root).unwrap();
        for (path, title) in [("nothing", "T"), ("A/b", "T"), ("../x/y", "T"), ("a/b", " ")] {
            let error = page(&root, &config, path, title).unwrap_err().to_string();
            assert!(error.contains("fix: cargo book new page"), "{error}");
        }
    }
}
