//! What the course promises of a module has a row on the module's page, and each row leads to a page that proves
//! something.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use book_support::root;
use toml::{Table, Value};

/// Pages by their path below `src/`, as the summary names them.
type Pages = BTreeMap<String, String>;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All that the summary names. A page that it does not name is none.
fn pages() -> Pages {
    let named = house::links(&read("src/SUMMARY.md"));
    named
        .into_iter()
        .map(|(_, path)| (path.clone(), read(&format!("src/{path}"))))
        .collect()
}

fn modules() -> Vec<Table> {
    let syllabus: Table = read("ci/house/syllabus.toml").parse().expect("TOML");
    let modules = syllabus["module"].as_array().expect("modules").iter();
    modules.map(|m| m.as_table().expect("a module").clone()).collect()
}

fn texts<'a>(module: &'a Table, key: &str) -> Vec<&'a str> {
    let list = module[key].as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("words")).collect()
}

/// Where a link on a page leads, below `src/`.
fn target(page: &str, link: &str) -> String {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.to_string_lossy().into_owned()
}

/// What is wrong with a link of a page; `exercise` when it has to lead to one.
fn wrong(page: &str, link: &str, exercise: bool, pages: &Pages) -> Option<String> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let Some(text) = pages.get(&target(page, path)) else {
        return Some(format!("{link} is no page of the summary"));
    };
    let fences = house::fences(text);
    if !heading.is_empty() && !house::headings(text).iter().any(|slug| slug == heading) {
        return Some(format!("{path} has no heading #{heading}"));
    }
    if fences.is_empty() {
        return Some(format!("{path} proves nothing: it has no blocks"));
    }
    (exercise && !fences.iter().any(|f| f == "exercise")).then(|| format!("{path} has no exercise"))
}

/// Promises of a module that its page does not keep, each with why.
fn broken(module: &Table, pages: &Pages) -> Vec<String> {
    let page = module["page"].as_str().expect("a page");
    let rows = house::rows(&pages[page]);
    let mut broken = Vec::new();
    for key in ["objectives", "topics", "exercises"] {
        for text in texts(module, key) {
            let Some(row) = rows.iter().find(|row| row.text == text) else {
                broken.push(format!("src/{page} has no row `{text}` ({key})"));
                continue;
            };
            let at = format!("src/{page}:{}: `{text}`", row.line);
            if row.links.is_empty() {
                broken.push(format!("{at} leads nowhere"));
            }
            let wrong = row
                .links
                .iter()
                .filter_map(|link| wrong(page, link, key == "exercises", pages));
            broken.extend(wrong.map(|why| format!("{at}: {why}")));
        }
    }
    broken
}

#[test]
fn each_promise_of_the_course_has_a_row_that_leads_to_a_proof() {
    let pages = pages();
    let broken: Vec<String> = modules().iter().flat_map(|m| broken(m, &pages)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_first_module_has_all_that_the_course_lists() {
    let modules = modules();
    let counts = ["objectives", "topics", "exercises"].map(|key| texts(&modules[0], key).len());
    assert_eq!(counts, [5, 10, 4]);
}

#[test]
fn a_row_that_is_gone_is_named() {
    let pages = pages();
    for module in modules() {
        let page = module["page"].as_str().expect("a page");
        for key in ["objectives", "topics", "exercises"] {
            for text in texts(&module, key) {
                let mut changed = pages.clone();
                let row = |line: &&str| line.replace('`', "").starts_with(&format!("| {text} |"));
                let rows: Vec<&str> = pages[page].lines().filter(|line| !row(line)).collect();
                changed.insert(page.to_owned(), rows.join("\n"));
                let expected = format!("src/{page} has no row `{text}` ({key})");
                assert_eq!(broken(&module, &changed), [expected]);
            }
        }
    }
}

#[test]
fn a_row_that_leads_to_nothing_is_named() {
    let module: Table = [
        ("page", Value::from("a/README.md")),
        ("objectives", Value::from(vec!["Learn"])),
        ("topics", Value::from(Vec::<String>::new())),
        ("exercises", Value::from(vec!["Do"])),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect();
    let proof = "# B\n\n## It works\n\n```console\n$ true\n```\n";
    let exercise = "# C\n\n```exercise\nname = \"c\"\n```\n";
    for (learn, exercise_link, says) in [
        ("[b](b.md#it-works)", "[c](../c.md)", ""),
        ("b", "[c](../c.md)", "leads nowhere"),
        ("[d](d.md)", "[c](../c.md)", "d.md is no page of the summary"),
        ("[b](b.md#it-fails)", "[c](../c.md)", "b.md has no heading #it-fails"),
        ("[e](e.md)", "[c](../c.md)", "e.md proves nothing: it has no blocks"),
        ("[b](b.md)", "[b](b.md)", "b.md has no exercise"),
    ] {
        let readme = format!("| objective | where |\n|---|---|\n| Learn | {learn} |\n| Do | {exercise_link} |\n");
        let pages: Pages = [
            ("a/README.md", readme.as_str()),
            ("a/b.md", proof),
            ("c.md", exercise),
            ("a/e.md", "# E\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into();
        let broken = broken(&module, &pages);
        match says {
            "" => assert_eq!(broken, Vec::<String>::new()),
            says => assert!(broken.len() == 1 && broken[0].ends_with(says), "{says}: {broken:?}"),
        }
    }
}

#[test]
fn pages_end_in_one_order() {
    let order = ["check-yourself", "what-you-now-know", "exercise", "exercises"];
    let ends = |page: &str| -> Vec<usize> {
        let place = |heading: &String| order.iter().position(|known| known == heading);
        house::headings(page).iter().filter_map(place).collect()
    };
    assert_eq!(ends("# A\n\n## Exercise\n\n## Check yourself\n"), [2, 0]);
    for (name, page) in pages() {
        assert!(
            ends(&page).is_sorted(),
            "src/{name}: its last sections are not in the order {order:?}"
        );
    }
}
