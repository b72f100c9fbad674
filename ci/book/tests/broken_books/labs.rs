//! The rows of labs: a good book with one of this book's own labs, and how its WebAssembly can lie.

use std::path::Path;

use book::evidence::sha256;

use crate::book::Edit::{Append, Delete, Replace, Write};
use crate::book::{Copy, Good, REPO, Story, TEST, green, says, support, text as words};
use crate::table::red;

const PAGE: &str = "src/other.md";
const WASM: &str = "theme/labs/layer-cache.wasm";
const MADE: &str = "theme/labs/layer-cache.toml";
const RECORDED: &str = "theme/labs/captured/layer-cache.json";
const CRATE: &str = "listings/good/layer-cache";
const TESTS: &str = "listings/good/layer-cache/tests/lab.rs";
const SOURCES: &str = "../../listings/21-containerization/layer-cache/src";

/// The lab stands at line 5 of its page.
const LAB: &str = "\n```lab\n\
    name = \"layer-cache\"\n\
    question = \"How many run again?\"\n\
    options = [\"1\", \"2\"]\n\
    look = \"Look.\"\n\
    state = \"order=sources-first&edit=source\"\n\
    rows = 4\n\
    [[control]]\n\
    id = \"order\"\n\
    label = \"Order\"\n\
    choices = [[\"sources-first\", \"all\"]]\n\
    [[control]]\n\
    id = \"edit\"\n\
    label = \"Edit\"\n\
    choices = [[\"source\", \"main.rs\"]]\n\
    ```\n";

/// Rows that need more than one command, or files of this repository.
pub fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("a_lab_is_verified_by_a_test_that_asks_it", verified),
        ("a_lab_that_differs_from_native", |good| {
            broken(good, |copy| {
                copy.edit(TESTS, &Replace("layer_cache::answer(command)", "String::from(\"{}\")"));
                red(
                    copy,
                    TEST,
                    "theme/labs/layer-cache.wasm differs from the crate layer-cache",
                )?;
                says(&text(copy, TEST), "asked: order=sources-first&edit=source")
            })
        }),
        ("a_lab_that_no_test_asks", |good| {
            broken(good, |copy| {
                copy.edit(TESTS, &Delete);
                let why = "src/other.md:5: no test that passed saw theme/labs/layer-cache.wasm matched";
                red(copy, TEST, why).map(|_| ())
            })
        }),
        ("a_lab_without_webassembly", |good| {
            broken(good, |copy| {
                copy.edit(WASM, &Delete);
                let said = red(
                    copy,
                    &["status"],
                    "src/other.md:6: theme/labs/layer-cache.wasm does not exist",
                )?;
                says(&said, "fix: cargo book lab build layer-cache")
            })
        }),
        ("a_lab_whose_sources_have_changed", |good| {
            broken(good, |copy| {
                copy.edit("listings/good/layer-cache/src/cache.rs", &Append("// Another text.\n"));
                let said = red(
                    copy,
                    &["status"],
                    "src/other.md:6: theme/labs/layer-cache.wasm was made from other sources than the lab has now",
                )?;
                says(&said, "fix: cargo book lab build layer-cache")
            })
        }),
        ("a_lab_whose_packages_below_have_changed", |good| {
            broken(good, |copy| {
                copy.edit("lab/src/scene.rs", &Append("// Another text.\n"));
                red(copy, &["status"], "was made from other sources than the lab has now").map(|_| ())
            })
        }),
        ("a_lab_that_needs_a_registry", |good| {
            broken(good, |copy| {
                copy.edit(
                    &format!("{CRATE}/Cargo.toml"),
                    &Replace("[dependencies]\n", "[dependencies]\nserde = \"1\"\n"),
                );
                let why = "src/other.md:6: listings/good/layer-cache needs `serde` from a registry";
                red(copy, &["status"], why).map(|_| ())
            })
        }),
        ("a_lab_that_was_put_there_by_hand", |good| {
            broken(good, |copy| {
                copy.edit(WASM, &Write("no WebAssembly"));
                let why = "src/other.md:6: theme/labs/layer-cache.wasm is not the file that its build wrote";
                red(copy, &["status"], why).map(|_| ())
            })
        }),
        ("a_lab_that_weighs_too_much", |good| {
            broken(good, |copy| {
                replace_wasm(copy)?;
                let why = "with gzip, and a lab may weigh 15000";
                let said = red(copy, &["status"], why)?;
                says(&said, "src/other.md:6: theme/labs/layer-cache.wasm weighs ")
            })
        }),
        ("a_lab_of_no_package", |good| {
            broken(good, |copy| {
                copy.edit(PAGE, &Replace("name = \"layer-cache\"", "name = \"layers\""));
                red(
                    copy,
                    &["status"],
                    "src/other.md:6: no package `layers` lies below the listings",
                )
                .map(|_| ())
            })
        }),
        ("a_lab_that_does_not_read", |good| {
            broken(good, |copy| {
                copy.edit(PAGE, &Replace("look =", "looks ="));
                red(copy, &["status"], "src/other.md:9: unknown field `looks`").map(|_| ())
            })
        }),
        ("a_lab_without_the_right_answer", |good| {
            broken(good, |copy| {
                copy.edit(PAGE, &Replace("[\"1\", \"2\"]", "[\"1\", \"3\"]"));
                red(
                    copy,
                    &["status"],
                    "src/other.md:8: no option is the lab's own answer, `2`",
                )
                .map(|_| ())
            })
        }),
        ("a_lab_in_a_state_that_nobody_recorded", |good| {
            broken(good, |copy| {
                copy.edit(RECORDED, &Write("{}\n"));
                let why = "src/other.md:10: no test has recorded what layer-cache says to the state `order=sources-first&edit=source`";
                red(copy, &["status"], why).map(|_| ())
            })
        }),
        ("a_lab_without_a_control_of_its_state", |good| {
            broken(good, |copy| {
                copy.edit(PAGE, &Replace("&edit=source", "&edits=source"));
                let why = "src/other.md:10: the state names order, edits, the controls order, edit";
                red(copy, &["status"], why).map(|_| ())
            })
        }),
    ]
}

fn broken(good: &Good, story: impl Fn(&Copy) -> Result<(), String>) -> Result<(), String> {
    let copy = good.copy();
    add_lab(&copy)?;
    story(&copy)
}

fn verified(good: &Good) -> Result<(), String> {
    broken(good, |copy| {
        green(copy, TEST)?;
        let said = green(copy, &["status"])?;
        says(&said, "verified  src/other.md:5 lab theme/labs/layer-cache.wasm")?;
        // The evidence is that of this WebAssembly, and of no other.
        replace_wasm(copy)?;
        says(
            &text(copy, &["status"]),
            "stale     src/other.md:5 lab theme/labs/layer-cache.wasm",
        )
    })
}

fn text(copy: &Copy, args: &[&str]) -> String {
    words(&copy.run(args, &[]))
}

/// Bytes that gzip makes no smaller, as if a build had written them.
fn replace_wasm(copy: &Copy) -> Result<(), String> {
    let mut seed = String::new();
    let heavy: Vec<u8> = (0..600)
        .flat_map(|_| {
            seed = sha256(seed.as_bytes());
            let digits: Vec<u8> = seed.bytes().collect();
            digits
                .chunks(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect::<Vec<u8>>()
        })
        .collect();
    let made = std::fs::read_to_string(copy.path(MADE)).map_err(|e| e.to_string())?;
    let lines = made.lines().map(|line| match line.starts_with("wasm = ") {
        true => format!("wasm = {:?}\n", sha256(&heavy)),
        false => format!("{line}\n"),
    });
    std::fs::write(copy.path(MADE), lines.collect::<String>()).map_err(|e| e.to_string())?;
    std::fs::write(copy.path(WASM), heavy).map_err(|e| e.to_string())
}

/// One of this book's labs, as it is committed, on a page of the good book.
fn add_lab(copy: &Copy) -> Result<(), String> {
    let repo = Path::new(REPO);
    let take = |from: &Path, to: &str| -> Result<(), String> {
        let to = copy.path(to);
        let folder = to.parent().ok_or("no folder")?;
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        std::fs::copy(from, to)
            .map(|_| ())
            .map_err(|e| format!("{}: {e}", from.display()))
    };
    for file in [WASM, MADE, RECORDED] {
        take(&repo.join("../..").join(file), file)?;
    }
    take(
        &repo.join("../../listings/rustfmt.toml"),
        &format!("{CRATE}/rustfmt.toml"),
    )?;
    take(&repo.join("../../rustfmt.toml"), "lab/rustfmt.toml")?;
    for (folder, to) in [(SOURCES, format!("{CRATE}/src")), ("../lab/src", "lab/src".into())] {
        for entry in std::fs::read_dir(repo.join(folder)).map_err(|e| e.to_string())? {
            let path = entry.map_err(|e| e.to_string())?.path();
            let name = path.file_name().ok_or("no name")?.to_string_lossy().into_owned();
            take(&path, &format!("{to}/{name}"))?;
        }
    }
    let package = |name: &str, more: &str| {
        format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n{more}")
    };
    let needs = format!(
        "[dependencies]\nbook-lab = {{ path = \"../../../lab\" }}\n\n\
         [dev-dependencies]\nbook-support = {{ path = {:?}, features = [\"lab\"] }}\n",
        support()
    );
    let test = "//! The lab is its crate.\n\n\
        use book_support::lab::same_as_native;\n\n\
        fn answer(command: &str) -> String {\n    layer_cache::answer(command)\n}\n\n\
        #[test]\nfn same() {\n    \
            let shown = [\"order=sources-first&edit=source\"];\n    \
            same_as_native(\"layer-cache\", answer, &shown, &[]);\n\
        }\n";
    for (path, text) in [
        ("lab/Cargo.toml".to_owned(), package("book-lab", "")),
        (format!("{CRATE}/Cargo.toml"), package("layer-cache", &needs)),
        (TESTS.to_owned(), test.to_owned()),
    ] {
        let path = copy.path(&path);
        std::fs::create_dir_all(path.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
        std::fs::write(path, text).map_err(|e| e.to_string())?;
    }
    copy.edit(
        "book.toml",
        &Replace("\"**/tests/**\"", "\"**/tests/**\", \"listings/good/layer-cache/**\""),
    );
    copy.edit(PAGE, &Append(LAB));
    Ok(())
}
