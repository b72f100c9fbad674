//! Rust written in pages. One call proves one block for each behaviour: building skeptic's tests costs far more than a
//! block does.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use book::model::{Block, Origin, Root};
use book::page::info_string;
use book::run::snippets::run_within;
use libtest_mimic::{Failed, Trial};

struct Case {
    name: &'static str,
    page: &'static str,
    line: usize,
    info: &'static str,
    text: &'static str,
    /// What the badge says, or where the finding is and what it says.
    expected: Result<&'static str, (usize, &'static [&'static str])>,
}

const RUN: Result<&str, (usize, &[&str])> = Ok("compiled and run, edition 2024");

const fn case(
    name: &'static str,
    page: &'static str,
    line: usize,
    info: &'static str,
    text: &'static str,
    expected: Result<&'static str, (usize, &'static [&'static str])>,
) -> Case {
    Case {
        name,
        page,
        line,
        info,
        text,
        expected,
    }
}

const CASES: &[Case] = &[
    case(
        "statements_without_main",
        "src/a.md",
        3,
        "rust",
        "let x = 1;\nassert_eq!(x, 1);\n",
        RUN,
    ),
    // The same text in another place is another block.
    case(
        "the_same_block_again",
        "src/a.md",
        9,
        "rust",
        "let x = 1;\nassert_eq!(x, 1);\n",
        RUN,
    ),
    case(
        "the_same_stem_in_a_folder",
        "src/b/a.md",
        3,
        "rust",
        "fn main() {\n    assert!(true);\n}\n",
        RUN,
    ),
    case(
        "the_first_line_of_a_page",
        "src/b-a.md",
        1,
        "rust",
        "fn main() {}\n",
        RUN,
    ),
    case("an_empty_block", "src/a.md", 14, "rust", "", RUN),
    case(
        "hidden_lines_are_code",
        "src/a.md",
        20,
        "rust",
        "# use std::collections::BTreeMap;\n#\nlet m: BTreeMap<u8, u8> = BTreeMap::new();\nlet s = r\"\n## x\";\n\
         assert_eq!(s.len() + m.len(), 4);\n",
        RUN,
    ),
    case(
        "a_raw_string_like_skeptic_s_own",
        "src/a.md",
        30,
        "rust",
        "let s = r####\"a\"b\"####;\nassert_eq!(s, \"a\\\"b\");\n",
        RUN,
    ),
    case(
        "inner_attributes",
        "src/a.md",
        40,
        "rust",
        "#![deny(unused_mut)]\n#![allow(dead_code)]\nstruct Unused;\n",
        RUN,
    ),
    case(
        "edition_2024",
        "src/a.md",
        50,
        "rust",
        "let gen_ = 1;\nif let Some(x) = Some(gen_)\n    && x == 1\n{\n    return;\n}\npanic!();\n",
        RUN,
    ),
    case(
        "a_question_mark_with_its_type_below",
        "src/a.md",
        60,
        "rust",
        "let n: u8 = \"7\".parse()?;\nassert_eq!(n, 7);\nOk::<(), std::num::ParseIntError>(())\n",
        RUN,
    ),
    case(
        "tokio_with_an_async_main_that_returns_a_result",
        "src/a.md",
        70,
        "rust",
        "#[tokio::main]\nasync fn main() -> Result<(), Box<dyn std::error::Error>> {\n    let n = tokio::spawn(async { 7 }).await?;\n    \
         assert_eq!(n, 7);\n    Ok(())\n}\n",
        RUN,
    ),
    case(
        "tonic_tracing_and_serde_json",
        "src/a.md",
        80,
        "rust",
        "use serde::{Deserialize, Serialize};\n#[derive(Debug, PartialEq, Serialize, Deserialize)]\nstruct Link { to: String }\n\
         let link: Link = serde_json::from_str(r#\"{\"to\":\"x\"}\"#).unwrap();\ntracing::info!(?link, \"read\");\n\
         let status = tonic::Status::not_found(link.to.clone());\nassert_eq!(status.code(), tonic::Code::NotFound);\n\
         assert_eq!(serde_json::json!({ \"to\": \"x\" }), serde_json::to_value(&link).unwrap());\n",
        RUN,
    ),
    case(
        "kube_with_a_custom_resource",
        "src/a.md",
        90,
        "rust",
        "use kube::{CustomResource, CustomResourceExt};\nuse schemars::JsonSchema;\nuse serde::{Deserialize, Serialize};\n\n\
         #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]\n\
         #[kube(group = \"links.example\", version = \"v1\", kind = \"Link\", namespaced)]\nstruct LinkSpec {\n    to: String,\n}\n\n\
         fn main() {\n    assert_eq!(Link::crd().spec.names.plural, \"links\");\n    \
         let pod = k8s_openapi::api::core::v1::Pod::default();\n    assert!(pod.metadata.name.is_none());\n}\n",
        RUN,
    ),
    case(
        "warnings_are_allowed",
        "src/a.md",
        110,
        "rust",
        "use std::fmt;\nlet mut unused = 1;\n",
        RUN,
    ),
    case(
        "a_lint_that_the_block_denies",
        "src/a.md",
        115,
        "rust",
        "#![deny(unused_imports)]\nuse std::fmt;\n",
        Err((117, &["unused import"])),
    ),
    case(
        "does_not_compile",
        "src/c.md",
        10,
        "rust",
        "let x = 1;\nlet y: String = x;\nlet z: u8 = \"\";\n",
        Err((
            12,
            &[
                "does not compile",
                "error[E0308]",
                "--> src/c.md:12:17",
                "fix: correct the code",
                "src/c.md:13: ",
            ],
        )),
    ),
    case(
        "does_not_parse",
        "src/c.md",
        20,
        "rust",
        "let x = ;\n",
        Err((21, &["expected expression, found `;`"])),
    ),
    case(
        "two_mains",
        "src/c.md",
        24,
        "rust",
        "fn main() {}\nfn main() {}\n",
        Err((26, &["E0428"])),
    ),
    case(
        "panics",
        "src/c.md",
        30,
        "rust",
        "// indented in a list\nlet x = 1;\nassert_eq!(x, 2, \"no {x}\");\n",
        Err((
            33,
            &[
                "panics\n    assertion `left == right` failed: no 1\n      left: 1\n     right: 2\n  fix: correct the code",
            ],
        )),
    ),
    case(
        "panics_in_a_library",
        "src/c.md",
        40,
        "rust",
        "std::panic::panic_any(1);\n",
        Err((41, &["panics"])),
    ),
    case(
        "ends_with_an_error",
        "src/c.md",
        45,
        "rust",
        "fn main() -> Result<(), String> {\n    Err(\"no\".into())\n}\n",
        Err((45, &["ended with 1", "Error: \"no\""])),
    ),
    case(
        "a_question_mark_that_fails",
        "src/c.md",
        50,
        "rust",
        "let _: u8 = \"x\".parse()?;\nOk::<(), std::num::ParseIntError>(())\n",
        Err((50, &["ended with 1", "InvalidDigit"])),
    ),
    case(
        "never_ends",
        "src/c.md",
        55,
        "rust",
        "std::process::Command::new(\"setsid\").args([\"tail\", \"-f\", \"/dev/null\"]).spawn().unwrap();\nloop { std::thread::park() }\n",
        Err((55, &["did not finish in 5 s"])),
    ),
    case(
        "fails_to_compile_as_said",
        "src/d.md",
        3,
        "rust,compile_fail,E0382",
        "let a = String::new();\nlet b = a;\nprintln!(\"{a}{b}\");\n",
        Ok("refused by rustc with E0382, edition 2024"),
    ),
    case(
        "fails_to_compile_with_two_codes",
        "src/d.md",
        7,
        "rust,compile_fail,E0308,E0425",
        "let a: u8 = \"\";\nb;\n",
        Ok("refused by rustc with E0308 and E0425, edition 2024"),
    ),
    case(
        "fails_to_compile_without_any_code",
        "src/d.md",
        10,
        "rust,compile_fail",
        "let a = ;\n",
        Ok("refused by rustc with an error that has no code, edition 2024"),
    ),
    case(
        "fails_to_compile_and_names_no_code",
        "src/d.md",
        15,
        "rust,compile_fail",
        "let a: u8 = \"\";\n",
        Err((
            15,
            &["name the code: rustc says E0308", "write ```rust,compile_fail,E0308"],
        )),
    ),
    case(
        "fails_to_compile_with_another_code",
        "src/d.md",
        20,
        "rust,compile_fail,E0382",
        "\nlet a: u8 = \"\";\n",
        Err((22, &["the page says E0382, rustc says E0308"])),
    ),
    case(
        "fails_to_compile_with_one_code_too_many",
        "src/d.md",
        25,
        "rust,compile_fail,E0308",
        "let a: u8 = \"\";\nb;\n",
        Err((27, &["the page says E0308, rustc says E0308 and E0425"])),
    ),
    case(
        "compiles_though_it_should_not",
        "src/d.md",
        30,
        "rust,compile_fail,E0382",
        "loop {}\n",
        Err((
            30,
            &["compiles, and the page says that it does not (compile_fail,E0382)"],
        )),
    ),
    case(
        "panics_as_said",
        "src/e.md",
        3,
        "rust,should_panic",
        "panic!(\"as said\");\n",
        Ok("compiled, run, and panicked, edition 2024"),
    ),
    case(
        "does_not_panic",
        "src/e.md",
        10,
        "rust,should_panic",
        "assert_eq!(1, 1);\n",
        Err((10, &["does not panic", "it ended with 0"])),
    ),
    case(
        "ends_with_101_without_a_panic",
        "src/e.md",
        15,
        "rust,should_panic",
        "std::process::exit(101);\n",
        Err((15, &["does not panic", "it ended with 101"])),
    ),
    case(
        "should_panic_and_does_not_compile",
        "src/e.md",
        20,
        "rust,should_panic",
        "let x: String = 1;\n",
        Err((21, &["does not compile", "E0308"])),
    ),
    case(
        "says_two_things_at_once",
        "src/e.md",
        25,
        "rust,should_panic,compile_fail",
        "panic!();\n",
        Err((25, &["both `compile_fail` and `should_panic`"])),
    ),
    case(
        "names_a_code_alone",
        "src/e.md",
        30,
        "rust,E0382",
        "let x = 1;\n",
        Err((30, &["names E0382, but not `compile_fail`"])),
    ),
];

fn block(case: &Case) -> Block {
    let (lang, attrs) = info_string(case.info).expect("a fixture's info string");
    Block {
        page: case.page.into(),
        line: case.line,
        end_line: case.line + 1 + case.text.lines().count(),
        lang,
        attrs,
        text: case.text.into(),
        origin: Origin::Inline,
        format: None,
    }
}

/// For each block what the badge says, or its findings; and what is left of the run.
fn judged() -> Result<Vec<Result<String, String>>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = Root {
        path: std::fs::canonicalize(path).map_err(|e| e.to_string())?,
    };
    let blocks: Vec<Block> = CASES.iter().map(block).collect();
    let start = std::time::Instant::now();
    let results = run_within(
        &root,
        "snippets",
        &blocks.iter().collect::<Vec<_>>(),
        Duration::from_secs(5),
    )
    .map_err(|e| format!("{e:#}"))?;
    eprintln!("{} blocks took {:.1} s", blocks.len(), start.elapsed().as_secs_f64());
    if root.work().join("skeptic/run").exists() {
        return Err("the run left its folder behind".into());
    }
    let tails = book::run::console::processes::below(std::process::id());
    if let Some(process) = tails.iter().find(|p| p.command.contains("tail")) {
        return Err(format!("the run left {process:?} behind"));
    }
    Ok(results
        .into_iter()
        .map(|r| {
            let said: Vec<String> = r.findings.iter().map(|f| f.to_string()).collect();
            if said.is_empty() {
                Ok(r.detail)
            } else {
                Err(said.join("\n"))
            }
        })
        .collect())
}

fn check(i: usize, judged: &Result<Vec<Result<String, String>>, String>) -> Result<(), Failed> {
    let results = judged.as_ref().map_err(Failed::from)?;
    match (&results[i], &CASES[i].expected) {
        (Ok(detail), Ok(expected)) if detail == expected => Ok(()),
        (Err(said), Err((line, words)))
            if said.starts_with(&format!("{}:{line}: ", CASES[i].page)) && words.iter().all(|w| said.contains(w)) =>
        {
            Ok(())
        }
        (got, expected) => Err(format!("got {got:#?}\nexpected {expected:#?}").into()),
    }
}

pub fn trials() -> Vec<Trial> {
    type Judged = LazyLock<Result<Vec<Result<String, String>>, String>>;
    let judged: Arc<Judged> = Arc::new(LazyLock::new(judged));
    CASES
        .iter()
        .enumerate()
        .map(|(i, case)| {
            let judged = Arc::clone(&judged);
            Trial::test(format!("snippets::{}", case.name), move || check(i, &judged))
        })
        .collect()
}
