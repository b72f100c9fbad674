//! The table: how a book can lie, and what the verifier says to it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::book::Edit::{Append, Delete, Replace, Write};
use crate::book::{Case, Copy, Edit, Good, REPO, Story, TEST, case, expect, green, says, support, text};

const PAGE: &str = "src/good/page.md";
const TESTS: &str = "listings/good/twice/tests/twice.rs";
const LIB: &str = "listings/good/twice/src/lib.rs";

/// The good book of the offline lane.
pub fn files() -> Vec<(&'static str, String)> {
    let support = support();
    vec![
        (
            "book.toml",
            "[book]\ntitle = \"Good\"\nlanguage = \"en\"\n\n[preprocessor.book]\nlistings = [\"listings\"]\n\
             snippets = \"snippets\"\nunshown = [\"**/Cargo.toml\", \"**/tests/**\"]\nconsole-budget = 20\n"
                .into(),
        ),
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"listings/*/*\", \"snippets\"]\n\n\
             [profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.build-override]\ndebug = \"line-tables-only\"\n"
                .into(),
        ),
        (".gitignore", "/target/\n/book/\n/src/mermaid.min.js\n".into()),
        ("src/SUMMARY.md", "# Summary\n\n- [Good](good/page.md)\n- [Other](other.md)\n".into()),
        (
            "src/good/page.md",
            "# Good\n\
             \n\
             See [the other page](../other.md#other).\n\
             \n\
             ```rust,title=\"double a number\"\n\
             {{#include ../../listings/good/twice/src/lib.rs:twice}}\n\
             ```\n\
             \n\
             ```yaml,title=\"read by a test\"\n\
             {{#include ../../listings/good/twice/settings.yaml}}\n\
             ```\n\
             \n\
             ```text,title=\"what it says\"\n\
             {{#include ../../listings/good/twice/captured/words.txt}}\n\
             ```\n\
             \n\
             It answers {{fact good/twice/answer}} at once.\n\
             \n\
             ```console\n\
             $ echo hello\n\
             hello\n\
             ```\n\
             \n\
             ```mermaid\n\
             flowchart LR\n\
                 a[One] --> b[Two]\n\
             ```\n\
             \n\
             ```rust\n\
             assert_eq!(1 + 1, 2);\n\
             ```\n"
                .into(),
        ),
        ("src/other.md", "# Other\n\nNothing to check here.\n".into()),
        (
            "listings/good/twice/Cargo.toml",
            format!(
                "[package]\nname = \"twice\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
                 [dev-dependencies]\nbook-support = {{ path = \"{support}\" }}\n"
            ),
        ),
        (
            "listings/good/twice/src/lib.rs",
            "//! Twice.\n\n\
             // ANCHOR: twice\n\
             /// Doubles a number.\n\
             pub fn twice(n: u32) -> u32 {\n    \
                 if n > 1000 {\n        \
                     return 2000;\n    \
                 }\n    \
                 n * 2\n\
             }\n\
             // ANCHOR_END: twice\n"
                .into(),
        ),
        ("listings/good/twice/settings.yaml", "factor: 2\n".into()),
        ("listings/good/twice/captured/words.txt", "twice 21 is 42\n".into()),
        ("listings/good/twice/captured/answer.txt", "42 ms".into()),
        (
            "listings/good/twice/tests/twice.rs",
            "//! What the page says.\n\n\
             use twice::twice;\n\n\
             #[test]\n\
             fn doubles() {\n    \
                 assert_eq!(twice(21), 42);\n    \
                 assert_eq!(twice(5000), 2000);\n\
             }\n\n\
             #[test]\n\
             fn settings_hold_the_factor() {\n    \
                 let text = book_support::listing(\"listings/good/twice/settings.yaml\");\n    \
                 assert!(text.contains(\"factor: 2\"));\n\
             }\n\n\
             #[test]\n\
             fn words_are_captured() {\n    \
                 let words = format!(\"twice 21 is {}\\n\", twice(21));\n    \
                 book_support::captured(\"listings/good/twice/captured/words.txt\", &words);\n    \
                 book_support::fact(\n        \"listings/good/twice/captured/answer.txt\",\n        \
                 format!(\"{} ms\", twice(21)),\n    );\n\
             }\n"
                .into(),
        ),
        (
            "snippets/Cargo.toml",
            "[package]\nname = \"snippets\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\nskeptic = \"0.14.2\"\n\n[build-dependencies]\nskeptic = \"0.14.2\"\n"
                .into(),
        ),
        ("snippets/src/lib.rs", "//! Crates for inline Rust.\n".into()),
        ("snippets/build.rs", std::fs::read_to_string(Path::new(REPO).join("../snippets/build.rs")).expect("build.rs")),
        (
            "snippets/tests/skeptic.rs",
            std::fs::read_to_string(Path::new(REPO).join("../snippets/tests/skeptic.rs")).expect("skeptic.rs"),
        ),
    ]
}

const READS: &str = "    let text = book_support::listing(\"listings/good/twice/settings.yaml\");\n";
const READS_IN_A_THREAD: &str = "    let read = || book_support::listing(\"listings/good/twice/settings.yaml\");\n    \
                                 let text = std::thread::spawn(read).join().unwrap();\n";

/// A page of its own beside the good one, so that line numbers in the table are easy to count.
fn page(name: &'static str, body: &'static str, says: &'static [&'static str]) -> Case {
    Case {
        args: &["test", "--lane", "offline", "src/other.md"],
        ..case(name, vec![("src/other.md", Write(body))], says)
    }
}

/// A file of the listing, shown on the other page.
fn file(name: &'static str, fence: &str, file: &str, text: &'static str, says: &'static [&'static str]) -> Case {
    // A row is named once, and lives as long as the table.
    let path: &'static str = format!("listings/good/twice/{file}").leak();
    let page: &'static str = format!("\n```{fence}\n{{{{#include ../{path}}}}}\n```\n").leak();
    case(name, vec![(path, Write(text)), ("src/other.md", Append(page))], says)
}

/// A quiz of one question on the other page: its `ask` stands in line 8, these lines below it.
fn quiz(name: &'static str, lines: &str, says: &'static [&'static str]) -> Case {
    let body = format!("# Other\n\n```quiz\nid = \"other\"\n\n[[question]]\n# One.\nask = \"Which?\"\n{lines}\n```\n");
    page(name, body.leak(), says)
}

/// The lines of a question that asks for what its code prints.
const PRINTS: &str =
    "check = \"prints\"\ncode = '''\nlet n = 3;\nprintln!(\"{}\", n + 1);\n'''\nwhy = \"It adds one.\"\n";

/// How a quiz can be wrong. Each is said at its line, and most before anything runs.
fn quizzes() -> Vec<Case> {
    let prints = |rest: &str| format!("{PRINTS}{rest}");
    // A question whose key is right, whatever it says about `two`.
    let key = |rest: &str| format!("options = [\"one\", \"two\"]\n{rest}");
    let taught = "why = \"x\"\nsource = \"#other\"";
    let again = format!("\n[[question]]\nask = \"Which?\"\n{}", key("answer = \"one\"\n")) + taught;
    vec![
        Case {
            code: 0,
            ..quiz(
                "a_quiz_whose_keys_hold_is_green",
                &prints(
                    "options = [\"3\", { text = \"5\", because = \"It adds *one*.\" }, \"4\"]\nanswer = \"4\"\n\n\
                     [[question]]\nask = \"With which error is it refused?\"\ncheck = \"error\"\n\
                     code = \"let a: u8 = String::new();\"\nanswer = \"E0308\"\nwhy = \"x\"\n\n\
                     [[question]]\nask = \"Does it compile?\"\ncheck = \"compiles\"\ncode = \"let a = 1; drop(a);\"\n\
                     answer = true\nwhy = \"x\"\n\n\
                     [[question]]\nask = \"What is it?\"\noptions = [\"42\", \"43\"]\nanswer = \"42\"\nwhy = \"x\"\n\
                     proof = \"listings/good/twice/captured/words.txt\"\n\n\
                     [[question]]\nask = \"Where?\"\noptions = [\"there\", \"here\"]\nanswer = \"here\"\nwhy = \"x\"\n\
                     source = \"good/page.md#good\"",
                ),
                &["ok quiz:src/other.md", "0 findings"],
            )
        },
        quiz(
            "quiz_that_is_no_toml",
            "options =",
            &["src/other.md:9: this quiz does not read"],
        ),
        quiz(
            "quiz_with_an_unknown_field",
            "explanation = \"x\"",
            &["src/other.md:9: this quiz does not read: unknown field `explanation`"],
        ),
        quiz(
            "quiz_whose_answer_is_no_option",
            &key(&format!("answer = \"tow\"\n{taught}")),
            &["src/other.md:10: the answer `tow` is none of the options (did you mean `two`?)"],
        ),
        quiz(
            "quiz_whose_key_counts",
            &key(&format!("answer = 2\n{taught}")),
            &["src/other.md:10: the answer `2` is no text, and a key that counts goes wrong when options move"],
        ),
        quiz(
            "quiz_with_two_equal_options",
            &format!("options = [\"one\",\n\"two\",\n\"One\"]\nanswer = \"one\"\n{taught}"),
            &["src/other.md:11: the option `One` stands twice"],
        ),
        quiz(
            "quiz_with_one_option",
            &format!("options = [\"one\"]\nanswer = \"one\"\n{taught}"),
            &["src/other.md:9: one option is no choice"],
        ),
        quiz(
            "quiz_without_an_answer",
            &key(taught),
            &["src/other.md:8: no answer: which one is right?"],
        ),
        quiz(
            "quiz_without_an_explanation",
            &key("answer = \"two\"\nsource = \"#other\""),
            &["src/other.md:8: no explanation: a reader who was wrong learns nothing"],
        ),
        quiz(
            "quiz_that_nothing_proves",
            &key("answer = \"two\"\nwhy = \"x\""),
            &["src/other.md:8: nothing proves this question"],
        ),
        quiz(
            "quiz_with_code_that_nothing_runs",
            &format!("code = \"let a = 1;\"\n{}", key(&format!("answer = \"two\"\n{taught}"))),
            &["src/other.md:9: nothing runs this code"],
        ),
        quiz(
            "quiz_with_a_number_typed_by_hand",
            &key("answer = \"two\"\nwhy = \"It takes 3 ms.\"\nsource = \"#other\""),
            &["src/other.md:11: `3 ms` was typed by hand"],
        ),
        quiz(
            "quiz_whose_key_can_be_guessed",
            &format!("{}{again}{again}", key(&format!("answer = \"one\"\n{taught}"))),
            &["src/other.md:8: the right answer is always option 1"],
        ),
        quiz(
            "quiz_whose_proof_says_something_else",
            "options = [\"42\", \"43\"]\nanswer = \"43\"\nwhy = \"x\"\nproof = \"listings/good/twice/captured/words.txt\"",
            &["src/other.md:10: the key calls `42` wrong, and listings/good/twice/captured/words.txt says it"],
        ),
        quiz(
            "quiz_whose_proof_nobody_captured",
            "options = [\"42\", \"43\"]\nanswer = \"42\"\nwhy = \"x\"\nproof = \"listings/good/twice/captured/gone.txt\"",
            &["src/other.md:12: listings/good/twice/captured/gone.txt does not exist: no check has captured it"],
        ),
        quiz(
            "quiz_whose_source_is_not_there",
            &key("answer = \"two\"\nwhy = \"x\"\nsource = \"good/page.md#goods\""),
            &["src/other.md:12: `source` names the heading #goods, which is not there (did you mean `good`?)"],
        ),
        quiz(
            "quiz_with_a_listing_that_the_page_does_not_show",
            &format!(
                "listing = \"listings/good/twice/src/lib.rs:twice\"\n{}",
                key(&format!("answer = \"two\"\n{taught}"))
            ),
            &["src/other.md:9: no block of this page shows listings/good/twice/src/lib.rs:twice"],
        ),
        page(
            "two_quizzes_with_one_id",
            "# Other\n\n```quiz\nid = \"a\"\n[[question]]\nask = \"Which?\"\nanswer = \"x\"\nwhy = \"x\"\nsource = \"#other\"\n```\n\n\
             ```quiz\nid = \"a\"\n[[question]]\nask = \"Which?\"\nanswer = \"x\"\nwhy = \"x\"\nsource = \"#other\"\n```\n",
            &["src/other.md:13: the quiz of line 3 has the id `a` too"],
        ),
        quiz(
            "quiz_whose_program_prints_something_else",
            &prints("options = [\"3\", \"4\"]\nanswer = \"3\""),
            &["src/other.md:16: question 1: the program prints `4`, which is another option, and the key says `3`"],
        ),
        quiz(
            "quiz_whose_wrong_option_is_right_as_well",
            &prints("options = [\"4\", \"`4`\"]\nanswer = \"4\""),
            &["src/other.md:16: question 1: the key calls `4` wrong, and the program prints it"],
        ),
        quiz(
            "quiz_whose_code_does_not_compile",
            "check = \"prints\"\ncode = '''\nlet n: u8 = 3;\nlet m: char = n;\n'''\nanswer = \"3\"\nwhy = \"x\"",
            &[
                "src/other.md:12: question 1: does not compile",
                "error[E0308]: mismatched types",
            ],
        ),
        quiz(
            "quiz_whose_error_is_another",
            "check = \"error\"\ncode = \"let a: u8 = String::new();\"\noptions = [\"E0382\", \"E0308\"]\nanswer = \"E0382\"\nwhy = \"x\"",
            &["src/other.md:10: question 1: the page says E0382, rustc says E0308"],
        ),
        quiz(
            "quiz_whose_code_compiles_after_all",
            "check = \"compiles\"\ncode = \"let a = 1; drop(a);\"\nanswer = false\nerror = \"E0382\"\nwhy = \"x\"",
            &["question 1: compiles, and the page says that it does not (compile_fail,E0382)"],
        ),
        quiz(
            "quiz_whose_code_is_refused_after_all",
            "check = \"compiles\"\ncode = \"let a: u8 = String::new();\"\nanswer = true\nwhy = \"x\"",
            &["src/other.md:10: question 1: does not compile"],
        ),
    ]
}

/// Every row that is one change and one command.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case {
            code: 0,
            ..case("the_good_book_is_green", vec![], &["7 verified", "0 findings"])
        },
        page(
            "unknown_language",
            "# Other\n\n```rs\nx\n```\n",
            &["src/other.md:3: unknown language `rs` (did you mean `rust`?)"],
        ),
        page(
            "misspelt_attribute",
            "# Other\n\n```rust,should_pannic\npanic!()\n```\n",
            &["src/other.md:3: unknown attribute `should_pannic` of a rust block (did you mean `should_panic`?)"],
        ),
        page(
            "ignore_is_no_attribute",
            "# Other\n\n```rust,ignore\nx\n```\n",
            &["src/other.md:3: unknown attribute `ignore`"],
        ),
        page(
            "bare_fence",
            "# Other\n\n```\nx\n```\n",
            &["src/other.md:3: a bare fence"],
        ),
        page(
            "fence_never_closed",
            "# Other\n\n```rust\nlet x = 1;\n",
            &["src/other.md:3: this fence is never closed"],
        ),
        page(
            "include_of_a_missing_file",
            "# Other\n\n```rust\n{{#include ../listings/gone.rs}}\n```\n",
            &["src/other.md:3: the included file listings/gone.rs does not exist"],
        ),
        page(
            "include_of_a_missing_anchor",
            "# Other\n\n```rust\n{{#include ../listings/good/twice/src/lib.rs:twise}}\n```\n",
            &["src/other.md:3: listings/good/twice/src/lib.rs has no anchor `twise` (did you mean `twice`?)"],
        ),
        page(
            "step_that_names_nothing",
            "# Other\n\n```rust,since=\"the first try\"\n{{#include ../listings/good/twice/src/lib.rs:twice}}\n```\n",
            &["src/other.md:3: `since` names nothing: no earlier block of this page has the title `the first try`"],
        ),
        page(
            "step_that_nobody_has_seen",
            "# Other\n\n```rust,since=\"../listings/good/twice/tests/twice.rs\"\n\
             {{#include ../listings/good/twice/src/lib.rs:twice}}\n```\n",
            &[
                "src/other.md:3: `since` names `../listings/good/twice/tests/twice.rs`, which no block before this one shows",
            ],
        ),
        page(
            "step_that_changes_nothing",
            "# Other\n\n```rust,since=\"../listings/good/twice/src/lib.rs:twice\"\n\
             {{#include ../listings/good/twice/src/lib.rs:twice}}\n```\n",
            &["src/other.md:3: nothing changed since `../listings/good/twice/src/lib.rs:twice`"],
        ),
        page(
            "step_of_a_block_without_a_file",
            "# Other\n\n```rust,since=\"double a number\"\nassert_eq!(1, 1);\n```\n",
            &["src/other.md:3: `since` is for a listing, and this block shows no file"],
        ),
        page(
            "fold_of_a_missing_anchor",
            "# Other\n\n```rust,fold=\"imports\"\n{{#include ../listings/good/twice/src/lib.rs:twice}}\n```\n",
            &["src/other.md:3: `fold` names `imports`, and listings/good/twice/src/lib.rs has no such anchor"],
        ),
        page(
            "fold_of_everything",
            "# Other\n\n```rust,fold=\"twice\"\n{{#include ../listings/good/twice/src/lib.rs:twice}}\n```\n",
            &["src/other.md:3: `fold=\"twice\"` folds everything"],
        ),
        page(
            "include_that_leaves_the_book",
            "# Other\n\n```text\n{{#include ../../../etc/hostname}}\n```\n",
            &["src/other.md:3: the include of `../../../etc/hostname` leads out of the book's folder"],
        ),
        case(
            "page_that_no_summary_names",
            vec![("src/lost.md", Write("# Lost\n"))],
            &["src/lost.md:1: the summary does not name this page"],
        ),
        case(
            "summary_names_a_page_that_is_not_there",
            vec![
                ("src/other.md", Delete),
                (PAGE, Replace("[the other page](../other.md#other)", "nothing")),
            ],
            &["src/SUMMARY.md:4: names src/other.md, which does not exist"],
        ),
        case(
            "listing_that_no_page_shows",
            vec![("listings/good/twice/unseen.yaml", Write("a: 1\n"))],
            &["listings/good/twice/unseen.yaml:1: no page shows this listing"],
        ),
        page(
            "exemption_without_a_reason",
            "# Other\n\n```text,exempt\nx\n```\n",
            &["src/other.md:3: an exemption without a reason"],
        ),
        page(
            "output_typed_by_hand",
            "# Other\n\n```text\n42\n```\n",
            &["src/other.md:3: nothing checks `text`"],
        ),
        page(
            "number_typed_by_hand",
            "# Other\n\nThe image has 1.3 MB.\n",
            &["src/other.md:3: `1.3 MB` was typed by hand"],
        ),
        page(
            "fact_that_nobody_measured",
            "# Other\n\nIt has {{fact good/twice/size}}.\n",
            &["src/other.md:3: no check has measured the fact `good/twice/size`"],
        ),
        Case {
            code: 0,
            args: TEST,
            ..page(
                "exemption_with_a_reason_is_counted",
                "# Other\n\nText.\n\n```text,exempt=\"nothing prints it\"\nx\n```\n",
                &["1 exempt, 7 verified"],
            )
        },
        // Rust written in a page.
        page(
            "inline_rust_that_does_not_compile",
            "# Other\n\n```rust\nlet x = 1;\nlet y: String = x;\n```\n",
            &["src/other.md:5: does not compile", "E0308"],
        ),
        page(
            "compile_fail_that_compiles",
            "# Other\n\n```rust,compile_fail,E0382\nlet x = 1;\nassert_eq!(x, 1);\n```\n",
            &["src/other.md:3: compiles, and the page says that it does not (compile_fail,E0382)"],
        ),
        page(
            "compile_fail_with_another_code",
            "# Other\n\n```rust,compile_fail,E0382\nlet x: String = 1;\n```\n",
            &["src/other.md:4: the page says E0382, rustc says E0308"],
        ),
        page(
            "compile_fail_without_a_code",
            "# Other\n\n```rust,compile_fail\nlet x: String = 1;\n```\n",
            &["src/other.md:3: name the code: rustc says E0308"],
        ),
        page(
            "should_panic_that_does_not",
            "# Other\n\n```rust,should_panic\nassert_eq!(1, 1);\n```\n",
            &["src/other.md:3: does not panic, and the page says that it does: it ended with 0"],
        ),
        page(
            "should_panic_that_does_not_compile",
            "# Other\n\n```rust,should_panic\nlet x: String = 1;\n```\n",
            &["src/other.md:4: does not compile", "E0308"],
        ),
        page(
            "inline_rust_that_panics",
            "# Other\n\n```rust\nlet x = 1;\nassert_eq!(x, 2);\n```\n",
            &["src/other.md:5: panics", "left: 1"],
        ),
        // Listings.
        case(
            "listing_whose_test_fails",
            vec![(LIB, Replace("n * 2", "n * 3"))],
            &[
                "src/good/page.md:5: the test twice::doubles failed at listings/good/twice/tests/twice.rs:7",
                "left: 63",
            ],
        ),
        case(
            "listing_that_does_not_compile",
            vec![(LIB, Replace("n * 2", "n * \"2\""))],
            &["src/good/page.md:5: (listings/good/twice/src/lib.rs:9)", "E0277"],
        ),
        case(
            "listing_whose_test_was_deleted",
            vec![(TESTS, Delete)],
            &[
                "src/good/page.md:5: no test that passed executed line",
                "src/good/page.md:9: no test that passed was seen to use listings/good/twice/settings.yaml",
                "src/good/page.md:13: no test that passed was seen to use listings/good/twice/captured/words.txt",
            ],
        ),
        case(
            "listing_whose_test_no_longer_reads_it",
            vec![(
                TESTS,
                Replace(
                    "book_support::listing(\"listings/good/twice/settings.yaml\")",
                    "String::from(\"factor: 2\")",
                ),
            )],
            &["src/good/page.md:9: no test that passed was seen to use listings/good/twice/settings.yaml"],
        ),
        case(
            "fact_whose_test_was_deleted",
            vec![(
                TESTS,
                Replace(
                    "    book_support::fact(\n        \"listings/good/twice/captured/answer.txt\",\n        \
                     format!(\"{} ms\", twice(21)),\n    );\n",
                    "",
                ),
            )],
            &["src/good/page.md:17: no test that passed was seen to use listings/good/twice/captured/answer.txt"],
        ),
        Case {
            code: 0,
            ..case(
                "use_by_a_thread_of_a_test",
                vec![(TESTS, Replace(READS, READS_IN_A_THREAD))],
                &["7 verified", "0 findings"],
            )
        },
        case(
            "use_by_a_thread_while_some_test_fails",
            vec![
                (TESTS, Replace(READS, READS_IN_A_THREAD)),
                (LIB, Replace("n * 2", "n * 3")),
            ],
            &["src/good/page.md:9: failed: twice failed"],
        ),
        case(
            "test_that_hangs",
            vec![
                (
                    "book.toml",
                    Replace("console-budget = 20", "console-budget = 20\ntest-budget = 3"),
                ),
                (
                    TESTS,
                    Append("\n#[test]\nfn waits() {\n    loop {\n        std::thread::park();\n    }\n}\n"),
                ),
            ],
            &[
                "src/good/page.md:5: the tests listings/good/twice/tests/twice.rs did not finish in 3 s and were ended; \
                 without an end: waits",
            ],
        ),
        case(
            "test_that_leaves_a_process",
            vec![(
                TESTS,
                Append(
                    "\n#[test]\nfn starts() {\n    let mut tail = std::process::Command::new(\"tail\");\n    \
                     tail.args([\"-f\", \"/dev/null\"]).spawn().unwrap();\n}\n",
                ),
            )],
            &["src/good/page.md:5: the tests listings/good/twice/tests/twice.rs left running: tail -f /dev/null"],
        ),
        case(
            "test_that_ends_the_program",
            vec![(TESTS, Append("\n#[test]\nfn ends() {\n    std::process::exit(0);\n}\n"))],
            &["the tests listings/good/twice/tests/twice.rs ended before their result"],
        ),
        case(
            "test_that_changes_what_a_page_shows",
            vec![(
                TESTS,
                Append(
                    "\n#[test]\nfn writes() {\n    let file = book_support::root().join(\"listings/good/twice/settings.yaml\");\n    \
                     std::fs::write(file, \"factor: 2\\nmore: 1\\n\").unwrap();\n}\n",
                ),
            )],
            &["listings/good/twice/settings.yaml has changed since its check ran"],
        ),
        case(
            "shown_line_that_no_test_reaches",
            vec![(TESTS, Replace("    assert_eq!(twice(5000), 2000);\n", ""))],
            &["src/good/page.md:5: no test that passed executed line 7 of listings/good/twice/src/lib.rs"],
        ),
        case(
            "ignored_test",
            vec![(
                TESTS,
                Replace("#[test]\nfn settings", "#[test]\n#[ignore]\nfn settings"),
            )],
            &[
                "src/good/page.md:5: the test twice::settings_hold_the_factor (listings/good/twice/tests/twice.rs) is ignored",
            ],
        ),
        case(
            "listing_that_clippy_refuses",
            vec![(LIB, Replace("    n * 2\n", "    let m = n * 2;\n    m\n"))],
            &[
                "src/good/page.md:5: (listings/good/twice/src/lib.rs:10)",
                "let_and_return",
            ],
        ),
        case(
            "listing_that_rustfmt_would_change",
            vec![(LIB, Replace("n * 2", "n  *  2"))],
            &[
                "listings/good/twice/src/lib.rs:1: is not formatted as rustfmt does",
                "cargo fmt",
            ],
        ),
        case(
            "captured_output_edited_by_hand",
            vec![("listings/good/twice/captured/words.txt", Write("twice 21 is 43\n"))],
            &[
                "src/good/page.md:13: the test twice::words_are_captured failed",
                "cargo book test --bless",
            ],
        ),
        case(
            "measured_number_edited_by_hand",
            vec![("listings/good/twice/captured/answer.txt", Write("41 ms"))],
            &[
                "src/good/page.md:17: the test twice::words_are_captured failed",
                "cargo book test --bless",
            ],
        ),
        case(
            "measured_number_edited_in_the_prose",
            vec![(PAGE, Replace("{{fact good/twice/answer}}", "41 ms"))],
            &["src/good/page.md:17: `41 ms` was typed by hand"],
        ),
        case(
            "dockerfile_that_does_not_parse",
            vec![
                ("listings/good/twice/Dockerfile", Write("FROM debian\nRUNN true\n")),
                (
                    "src/other.md",
                    Append("\n```dockerfile\n{{#include ../listings/good/twice/Dockerfile}}\n```\n"),
                ),
            ],
            &["src/other.md:5: listings/good/twice/Dockerfile:2 is no dockerfile: "],
        ),
        case(
            "json_that_does_not_parse",
            vec![
                (
                    "listings/good/twice/captured/words.json",
                    Write("{\"twice\": 42}\n{\"twice\": }\n"),
                ),
                (
                    "src/other.md",
                    Append("\n```json\n{{#include ../listings/good/twice/captured/words.json}}\n```\n"),
                ),
            ],
            &["src/other.md:5: listings/good/twice/captured/words.json:2 is no json: "],
        ),
        case(
            "toml_that_does_not_parse",
            vec![
                ("listings/good/twice/settings.toml", Write("factor = 2\nfactor = 3\n")),
                (
                    "src/other.md",
                    Append("\n```toml\n{{#include ../listings/good/twice/settings.toml}}\n```\n"),
                ),
            ],
            &["src/other.md:5: listings/good/twice/settings.toml:2 is no toml: "],
        ),
        // What is written for an engine, read without it.
        file(
            "manifest_with_an_unknown_field",
            "yaml",
            "map.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replica: 2\n",
            &["src/other.md:5: listings/good/twice/map.yaml:6: unknown field `spec.replica` of apps/v1 Deployment"],
        ),
        file(
            "manifest_of_a_version_that_is_not_served",
            "yaml",
            "map.yaml",
            "kind: Deployment\napiVersion: extensions/v1beta1\nmetadata:\n  name: api\n",
            &[
                "src/other.md:5: listings/good/twice/map.yaml:2: Kubernetes 1.36 serves no Deployment of extensions/v1beta1; \
                 it is apps/v1",
                "fix: write apiVersion: apps/v1",
            ],
        ),
        file(
            "manifest_that_no_test_applies",
            "yaml",
            "map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\n",
            &["src/other.md:5: no test that passed saw listings/good/twice/map.yaml applied"],
        ),
        file(
            "manifest_that_no_test_sees_refused",
            "yaml,refused",
            "map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  nam: shop\n",
            &["src/other.md:5: no test that passed saw listings/good/twice/map.yaml refused"],
        ),
        file(
            "refused_of_what_is_no_manifest",
            "yaml,refused",
            "map.yaml",
            "factor: 3\n",
            &["src/other.md:5: `refused` is for a manifest that the API must refuse"],
        ),
        file(
            "object_against_the_book_s_own_definition",
            "yaml",
            "app.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: apps.good.example\n\
             spec:\n  group: good.example\n  scope: Namespaced\n  names: {kind: App, plural: apps}\n  versions:\n    \
             - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          \
             type: object\n---\napiVersion: good.example/v1\nkind: App\nmetadata:\n  name: a\nspec: {}\n",
            &["src/other.md:5: listings/good/twice/app.yaml:21: unknown field `spec` (good.example/v1 App)"],
        ),
        file(
            "kind_cluster_with_an_unknown_key",
            "yaml",
            "kind.yaml",
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - rol: worker\n",
            &["src/other.md:5: listings/good/twice/kind.yaml:4: unknown field `nodes.rol` of a kind cluster"],
        ),
        file(
            "compose_file_that_does_not_parse",
            "yaml",
            "compose.yaml",
            "services:\n  api: [\n",
            &["src/other.md:5: listings/good/twice/compose.yaml:2: is no YAML: "],
        ),
        file(
            "rule_that_does_not_parse",
            "yaml",
            "rules.yaml",
            "groups:\n  - name: api\n    rules:\n      - alert: Down\n        expr: up ==\n",
            &["src/other.md:5: listings/good/twice/rules.yaml:5: is no PromQL: "],
        ),
        file(
            "query_that_does_not_parse",
            "promql",
            "rate.promql",
            "# A second.\nrate(http_requests_total)\n",
            &["src/other.md:5: listings/good/twice/rate.promql:2: is no PromQL: "],
        ),
        file(
            "protocol_that_does_not_compile",
            "proto",
            "links.proto",
            "syntax = \"proto3\";\n\nmessage Code {\n  strin code = 1;\n}\n",
            &["src/other.md:5: listings/good/twice/links.proto:4: does not compile: "],
        ),
        // Shell sessions.
        case(
            "console_output_that_differs",
            vec![(PAGE, Replace("echo hello\nhello", "echo hello\nhallo"))],
            &[
                "src/good/page.md:21: the output of `echo hello` differs",
                "-hallo",
                "+hello",
                "fix: cargo book test --bless src/good/page.md",
            ],
        ),
        page(
            "command_that_exits_with_another_code",
            "# Other\n\n```console\n$ echo one\none\n$ sh -c 'exit 3'\n```\n",
            &["src/other.md:6: `sh -c 'exit 3'` ended with 3 instead of 0"],
        ),
        page(
            "command_that_should_fail_and_does_not",
            "# Other\n\n```console,exit=1\n$ true\n```\n",
            &["src/other.md:4: `true` ended with 0 instead of 1"],
        ),
        page(
            "command_that_does_not_exist",
            "# Other\n\n```console\n$ no-such-command --now\n```\n",
            &["src/other.md:4: `no-such-command`: there is no such command here"],
        ),
        page(
            "command_that_hangs",
            "# Other\n\n```console,budget=1\n$ cat /dev/zero > /dev/null\n```\n",
            &["src/other.md:4: `cat /dev/zero > /dev/null` did not finish in 1 s and was ended"],
        ),
        page(
            "command_that_leaves_a_process",
            "# Other\n\n```console\n$ setsid tail -f /dev/null > /dev/null 2>&1 &\n$ true\n```\n",
            &["src/other.md:4: leaves `tail -f /dev/null` running"],
        ),
        page(
            "unknown_matcher",
            "# Other\n\n```console,match=anything\n$ true\n```\n",
            &["src/other.md:3: there is no matcher `anything`"],
        ),
        // Diagrams and the site.
        case(
            "mermaid_that_does_not_parse",
            vec![(PAGE, Replace("a[One] --> b[Two]", "a[One --> b[Two]"))],
            &["src/good/page.md:26: Parse error"],
        ),
        case(
            "dead_link",
            vec![("src/other.md", Append("\nSee [this](nowhere.md).\n"))],
            &["src/other.md:5: nowhere.html leads nowhere: the site has no nowhere.html"],
        ),
        case(
            "dead_fragment",
            vec![(PAGE, Replace("../other.md#other", "../other.md#others"))],
            &["src/good/page.md:3: ", " has no `#others` (did you mean `#other`?)"],
        ),
        case(
            "unbalanced_html",
            vec![("src/other.md", Append("\n<div>\n\nOpen.\n"))],
            &["src/other.md:5: `<div>` is not closed"],
        ),
        case(
            "third_party_script",
            vec![(
                "src/other.md",
                Append("\n<script src=\"https://example.invalid/x.js\"></script>\n"),
            )],
            &[
                "src/other.md:5: ",
                "makes every reader's browser ask a third party: https://example.invalid/x.js",
            ],
        ),
        case(
            "address_that_leaves_a_site_below_a_folder",
            vec![("src/other.md", Append("\nSee [this](/good/page.html).\n"))],
            &["src/other.md:5: /good/page.html leads nowhere: an address that begins with `/` leaves"],
        ),
        case(
            "page_without_a_first_sentence",
            vec![("src/other.md", Write("# Other\n\n- a list\n"))],
            &["src/other.md:1: the page has no first sentence"],
        ),
        case(
            "two_pages_with_one_title",
            vec![
                ("src/SUMMARY.md", Append("- [Other](third.md)\n")),
                ("src/third.md", Write("# Third\n\nText.\n")),
            ],
            &["src/third.md:1: other.html has the same title: Other - Good"],
        ),
        case(
            "command_that_the_search_does_not_find",
            vec![("book.toml", Append("\n[output.html.search]\nlimit-results = 0\n"))],
            &["src/good/page.md:20: a reader who searches for what stands here does not find it: echo hello"],
        ),
        Case {
            code: 2,
            args: &["build"],
            ..case(
                "worker_that_is_not_there",
                vec![(
                    "book.toml",
                    Replace("snippets = ", "offline = \"theme/sw.js\"\nsnippets = "),
                )],
                &["book.toml names the worker theme/sw.js, and it cannot be read"],
            )
        },
        Case {
            code: 2,
            args: &["build", "--url", "example.org/book"],
            ..case(
                "address_of_a_site_that_is_none",
                vec![],
                &["example.org/book is no address of a site", "fix: write it whole"],
            )
        },
        // Configuration and lanes.
        Case {
            code: 2,
            ..case(
                "book_toml_that_does_not_parse",
                vec![("book.toml", Replace("language = \"en\"", "language = "))],
                &["book.toml:3: ", "fix: correct this line of book.toml"],
            )
        },
        Case {
            code: 2,
            ..case(
                "book_toml_with_an_unknown_key",
                vec![("book.toml", Replace("snippets =", "snipets ="))],
                &["book.toml:7: unknown field `snipets`"],
            )
        },
        Case {
            code: 2,
            args: &["setup", "--lane", "docker", "--yes"],
            ..case(
                "images_toml_that_does_not_parse",
                vec![(
                    "docker/images.toml",
                    Write("[[image]]\nname = \"debian:trixie-slim\"\n\n[[image]\n"),
                )],
                &["docker/images.toml:4: ", "fix: "],
            )
        },
        Case {
            code: 2,
            args: &["setup", "--lane", "docker", "--yes"],
            ..case(
                "images_toml_that_lacks_a_field",
                vec![(
                    "docker/images.toml",
                    Write("[[image]]\nname = \"debian:trixie-slim\"\n"),
                )],
                &["docker/images.toml:1: missing field `version`", "fix: add it"],
            )
        },
        Case {
            args: &["test"],
            env: &[("CI", "true"), ("DOCKER_HOST", "unix:///nonexistent/docker.sock")],
            ..case(
                "no_docker_engine_in_ci",
                docker_page(),
                &[
                    "docker: 1 check not run here (no Docker engine; ",
                    "fix: cargo book setup",
                ],
            )
        },
        Case {
            code: 0,
            args: &["test"],
            env: &[("DOCKER_HOST", "unix:///nonexistent/docker.sock")],
            ..case(
                "no_docker_engine_on_a_laptop_is_said_and_not_green",
                docker_page(),
                &["1 not-run", "docker: 1 check not run here (no Docker engine; "],
            )
        },
    ];
    cases.extend(quizzes());
    cases
}

/// A page whose session needs the docker lane.
fn docker_page() -> Vec<(&'static str, Edit)> {
    vec![(
        "src/other.md",
        Append("\n```console\n$ docker version --format '{{.Client.Os}}'\nlinux\n```\n"),
    )]
}

/// What takes more than one command.
pub fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("stale_evidence_is_not_green", stale),
        ("what_has_not_changed_is_not_run_again", unchanged),
        ("a_killed_run_leaves_no_half_evidence", killed),
        ("a_run_that_is_told_to_end_takes_its_processes_with_it", told_to_end),
        ("a_full_disk_is_said_and_leaves_the_old_evidence", full_disk),
        ("shards_merge_into_one_verdict", shards),
        ("bless_rewrites_what_is_observed", bless),
        ("a_new_page_is_green_from_the_start", new_page),
        ("two_runs_in_one_folder_do_not_meet", locked),
        ("what_a_broken_package_holds_up_is_not_green", held_up),
        ("the_same_session_twice_holds_in_one_place_only", twice_the_same),
        ("a_site_that_was_not_built_is_no_evidence", no_site),
        ("changed_sees_what_was_deleted", deleted),
        ("a_listing_built_before_as_a_dependency_is_instrumented", dependency),
        ("a_session_goes_stale_with_the_files_that_it_names", session),
        ("status_ends_with_1_when_a_block_does_not_read", status),
        ("merged_evidence_that_lacks_a_job_is_not_green", lacking),
        ("a_block_that_stays_is_stale_with_its_package", package),
        ("a_quiz_goes_stale_with_what_it_is_bound_to", bound_quiz),
    ]
}

fn bound_quiz(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let captured = "listings/good/twice/captured/words.txt";
    copy.edit(
        "src/other.md",
        &Append(
            "\n```quiz\nid = \"a\"\n[[question]]\nask = \"What is it?\"\noptions = [\"42\", \"43\"]\nanswer = \"42\"\nwhy = \"x\"\n\
             proof = \"listings/good/twice/captured/words.txt\"\n```\n",
        ),
    );
    green(&copy, TEST)?;
    let said = green(&copy, &["status"])?;
    says(&said, "verified  src/other.md:5 quiz widget")?;
    copy.edit(captured, &Append("and more\n"));
    let said = text(&copy.run(&["status"], &[]));
    says(&said, "stale     src/other.md:5 quiz widget")?;
    // A key that is not in it any more is found before anything runs.
    copy.edit(captured, &Write("twice 21 is 43\n"));
    let said = text(&copy.run(TEST, &[]));
    says(
        &said,
        "src/other.md:10: the key says `42`, and listings/good/twice/captured/words.txt does not",
    )
}

fn stale(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, TEST)?;
    copy.edit("listings/good/twice/settings.yaml", &Append("more: 1\n"));
    let said = green(&copy, &["status"])?;
    says(
        &said,
        "stale     src/good/page.md:9 yaml listings/good/twice/settings.yaml — ",
    )?;
    says(&said, "settings.yaml has changed since its check ran")?;
    let json = green(&copy, &["status", "--json"])?;
    says(&json, "\"verdict\": \"stale\"")
}

fn unchanged(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, TEST)?;
    let said = green(&copy, TEST)?;
    says(&said, "0 jobs run")?;
    copy.edit("src/other.md", &Append("\nOne more sentence.\n"));
    let said = green(&copy, TEST)?;
    says(&said, "1 job run")?;
    let said = green(&copy, &["test", "--lane", "offline", "--changed"])?;
    says(&said, "0 jobs run")
}

fn killed(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let mut child = copy
        .command(TEST, &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    let evidence = copy.path("target/book/evidence");
    let start = Instant::now();
    // As soon as the first record is there, in the middle of the run.
    while std::fs::read_dir(&evidence).map_or(0, Iterator::count) == 0 {
        if start.elapsed() > Duration::from_secs(120) || child.try_wait().map_err(|e| e.to_string())?.is_some() {
            break;
        }
        std::thread::yield_now();
    }
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    for entry in std::fs::read_dir(&evidence).map_err(|e| e.to_string())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") {
            let text = std::fs::read_to_string(entry.path()).map_err(|e| e.to_string())?;
            expect(text.trim_end().ends_with('}'), &text, "half a record")?;
        }
    }
    let said = green(&copy, TEST)?;
    says(&said, "7 verified")?;
    copy.nothing_left()
}

fn told_to_end(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let session = "\n```console\n$ touch target/begun\n$ tail -f /dev/null\n```\n";
    copy.edit("src/other.md", &Append(session));
    let child = copy
        .command(&["test", "--lane", "offline", "console:src/other.md"], &[])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let begun = copy.path("target/begun");
    let start = Instant::now();
    while !begun.exists() && start.elapsed() < Duration::from_secs(120) {
        std::thread::yield_now();
    }
    let told = Command::new("kill").arg(child.id().to_string()).status();
    expect(told.is_ok_and(|s| s.success()), "", "no signal")?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = text(&output);
    expect(begun.exists(), &said, "the session does not begin")?;
    expect(output.status.code() == Some(143), &said, "its exit code is not 143")?;
    says(&said, "ended; nothing is left running")?;
    expect(!said.contains("FAILED"), &said, "what was cut off is told as a failure")?;
    copy.nothing_left()
}

fn full_disk(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, TEST)?;
    let before = records(&copy)?;
    copy.edit("src/other.md", &Append("\nOne more sentence.\n"));
    // A file may not grow beyond 0 blocks: each write fails, as on a full disk.
    let command = copy.command(TEST, &[]);
    let mut limited = std::process::Command::new("bash");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(copy.dir.path())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let output = limited.output().map_err(|e| e.to_string())?;
    let said = text(&output);
    expect(!output.status.success(), &said, "a full disk is green")?;
    expect(records(&copy)? == before, &said, "the old evidence was touched")?;
    copy.nothing_left()?;
    let said = green(&copy, TEST)?;
    says(&said, "7 verified")
}

fn records(copy: &Copy) -> Result<Vec<(String, String)>, String> {
    let dir = copy.path("target/book/evidence");
    let mut all: Vec<(String, String)> = std::fs::read_dir(dir)
        .map_err(|e| e.to_string())?
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .map(|e| {
            (
                e.file_name().to_string_lossy().into_owned(),
                std::fs::read_to_string(e.path()).unwrap_or_default(),
            )
        })
        .collect();
    all.sort();
    Ok(all)
}

fn shards(good: &Good) -> Result<(), String> {
    let (one, two, joined) = (good.copy(), good.copy(), good.copy());
    let half = |copy: &Copy, part| copy.run(&["test", "--lane", "offline", "--shard", part], &[]);
    for output in [half(&one, "1/2"), half(&two, "2/2")] {
        expect(output.status.success(), &text(&output), "a shard is not green")?;
    }
    let dirs = [one.path("target/book"), two.path("target/book")].map(|p| p.to_string_lossy().into_owned());
    let output = joined.run(&["status", "--merge", &dirs[0], &dirs[1]], &[]);
    let said = text(&output);
    expect(output.status.success(), &said, "the merged evidence is not green")?;
    says(&said, "7 verified")?;
    let alone = good.copy();
    let output = alone.run(&["status", "--merge", &dirs[0]], &[]);
    expect(
        output.status.code() == Some(1),
        &text(&output),
        "half of the evidence is green",
    )
}

fn bless(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    copy.edit("listings/good/twice/captured/words.txt", &Edit::Write("old\n"));
    copy.edit(PAGE, &Replace("echo hello\nhello", "echo hello\nold"));
    green(&copy, &["test", "--lane", "offline", "--bless"])?;
    let words =
        std::fs::read_to_string(copy.path("listings/good/twice/captured/words.txt")).map_err(|e| e.to_string())?;
    expect(
        words == "twice 21 is 42\n",
        &words,
        "the captured file was not rewritten",
    )?;
    let page = std::fs::read_to_string(copy.path(PAGE)).map_err(|e| e.to_string())?;
    expect(
        page.contains("echo hello\nhello\n"),
        &page,
        "the console output was not rewritten",
    )?;
    green(&copy, TEST)?;
    // A file that a test is to capture for the first time, as the finding says it.
    let answer = "listings/good/twice/captured/answer.txt";
    copy.edit(answer, &Delete);
    red(
        &copy,
        TEST,
        "fix: mend the cause, or take it over with `cargo book test --bless listings/good/twice/captured/answer.txt`",
    )?;
    green(&copy, &["test", "--lane", "offline", "--bless", answer])?;
    let said = green(&copy, TEST)?;
    says(&said, "7 verified")
}

fn new_page(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, &["new", "page", "good/greeting", "A greeting"])?;
    copy.edit(
        "listings/good/greeting/Cargo.toml",
        &Edit::Write("[package]\nname = \"greeting\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    );
    let said = green(&copy, TEST)?;
    says(&said, "9 verified")?;
    let again = copy.run(&["new", "page", "good/greeting", "A greeting"], &[]);
    expect(
        again.status.code() == Some(2),
        &text(&again),
        "an existing page is overwritten",
    )
}

fn held_up(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, &["new", "page", "good/greeting", "A greeting"])?;
    copy.edit(
        "listings/good/greeting/Cargo.toml",
        &Edit::Write(
            "[package]\nname = \"greeting\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ntwice = { path = \"../twice\" }\n",
        ),
    );
    copy.edit(LIB, &Replace("n * 2", "n * \"2\""));
    let output = copy.run(&["test", "--lane", "offline", "greeting"], &[]);
    let said = text(&output);
    expect(
        output.status.code() == Some(1),
        &said,
        "a page whose tests could not be built is green",
    )?;
    says(&said, "skipped test:greeting:offline: twice does not compile")?;
    says(&said, "src/good/page.md:5: (listings/good/twice/src/lib.rs:9)")
}

fn locked(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    std::fs::create_dir_all(copy.path("target/book")).map_err(|e| e.to_string())?;
    let lock = std::fs::File::create(copy.path("target/book/lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    let output = copy.run(TEST, &[]);
    let said = text(&output);
    expect(output.status.code() == Some(2), &said, "two runs at once")?;
    says(&said, "another `cargo book test` is running in this folder")
}

/// A command that ends with 1 and says this.
/// Runs what must not end well, and has to say these words.
pub fn red(copy: &Copy, args: &[&str], words: &str) -> Result<String, String> {
    let output = copy.run(args, &[]);
    let said = text(&output);
    expect(
        output.status.code() == Some(1),
        &said,
        &format!("`{}` does not end with 1", args.join(" ")),
    )?;
    says(&said, words)?;
    Ok(said)
}

fn twice_the_same(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let block = "```console\n$ [ -z \"$SEEN\" ] && SEEN=yes\n```\n";
    std::fs::write(copy.path("src/other.md"), format!("# Other\n\n{block}\n{block}")).map_err(|e| e.to_string())?;
    red(
        &copy,
        TEST,
        "src/other.md:8: `[ -z \"$SEEN\" ] && SEEN=yes` ended with 1 instead of 0",
    )?;
    let said = green(&copy, &["status"])?;
    says(&said, "failed    src/other.md:7 console")
}

fn no_site(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    copy.edit("src/other.md", &Append("\nSee [this](nowhere.md).\n"));
    copy.edit("listings/good/twice/unseen.yaml", &Write("a: 1\n"));
    red(
        &copy,
        TEST,
        "listings/good/twice/unseen.yaml:1: no page shows this listing",
    )?;
    copy.edit("listings/good/twice/unseen.yaml", &Delete);
    red(
        &copy,
        TEST,
        "src/other.md:5: nowhere.html leads nowhere: the site has no nowhere.html",
    )
    .map(|_| ())
}

fn deleted(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, TEST)?;
    copy.edit(TESTS, &Delete);
    let words = "src/good/page.md:5: no test that passed executed line";
    red(&copy, &["test", "--lane", "offline", "--changed"], words).map(|_| ())
}

fn dependency(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let manifest = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n{more}")
    };
    let base = "//! Base.\n\n/// Not reached.\npub fn idle() -> u32 {\n    1\n}\n\n/// Reached.\npub fn base() -> u32 {\n    2\n}\n";
    let top = "//! Top.\n\n/// Calls.\npub fn top() -> u32 {\n    base::base()\n}\n\n\
               #[cfg(test)]\nmod tests {\n    #[test]\n    fn calls() {\n        assert_eq!(super::top(), 2);\n    }\n}\n";
    let files = [
        // Its lines are seen through the library alone: no unit tests build it a second time.
        (
            "listings/good/base/Cargo.toml",
            manifest("base", "\n[lib]\ntest = false\n"),
        ),
        (
            "listings/good/base/tests/base.rs",
            "//! Base.\n\n#[test]\nfn base() {\n    assert_eq!(base::base(), 2);\n}\n".into(),
        ),
        ("listings/good/base/src/lib.rs", base.into()),
        (
            "listings/good/top/Cargo.toml",
            manifest("top", "\n[dependencies]\nbase = { path = \"../base\" }\n"),
        ),
        ("listings/good/top/src/lib.rs", top.into()),
        (
            "src/other.md",
            "# Other\n\n```rust\n{{#include ../listings/good/base/src/lib.rs}}\n```\n\n\
             ```rust\n{{#include ../listings/good/top/src/lib.rs}}\n```\n"
                .into(),
        ),
    ];
    for (path, text) in files {
        let path = copy.path(path);
        std::fs::create_dir_all(path.parent().ok_or("a folder")?).map_err(|e| e.to_string())?;
        std::fs::write(path, text).map_err(|e| e.to_string())?;
    }
    green(&copy, &["test", "test:top:offline"])?;
    let words = "src/other.md:3: no test that passed executed line 4, 5, 6 of listings/good/base/src/lib.rs";
    red(&copy, TEST, words).map(|_| ())
}

fn session(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    copy.edit(
        "src/other.md",
        &Append("\n```console\n$ cat listings/good/twice/settings.yaml\nfactor: 2\n```\n"),
    );
    green(&copy, TEST)?;
    copy.edit("listings/good/twice/settings.yaml", &Append("more: 1\n"));
    let said = green(&copy, &["status"])?;
    says(
        &said,
        "stale     src/other.md:5 console console — listings/good/twice/settings.yaml has changed since its check ran",
    )?;
    let words = "src/other.md:7: the output of `cat listings/good/twice/settings.yaml` differs";
    red(&copy, TEST, words).map(|_| ())
}

fn status(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, &["status"])?;
    copy.edit("src/other.md", &Append("\n```\nx\n```\n"));
    red(&copy, &["status"], "src/other.md:5: a bare fence")?;
    red(&copy, &["status", "--json"], "a bare fence").map(|_| ())
}

fn lacking(good: &Good) -> Result<(), String> {
    let (one, joined) = (good.copy(), good.copy());
    green(&one, TEST)?;
    let evidence = one.path("target/book/evidence");
    for entry in std::fs::read_dir(&evidence).map_err(|e| e.to_string())?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("lint") {
            std::fs::remove_file(entry.path()).map_err(|e| e.to_string())?;
        }
    }
    let dir = one.path("target/book").to_string_lossy().into_owned();
    red(
        &joined,
        &["status", "--merge", &dir],
        "no evidence that holds: lint:twice",
    )
    .map(|_| ())
}

fn package(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    green(&copy, TEST)?;
    copy.edit(PAGE, &Append("\n```rust\nassert_eq!(2, 2);\n```\n"));
    let said = green(&copy, &["status"])?;
    says(&said, "verified  src/good/page.md:29 rust inline")?;
    copy.edit("snippets/src/lib.rs", &Append("// Another text.\n"));
    let said = green(&copy, &["status"])?;
    says(
        &said,
        "stale     src/good/page.md:29 rust inline — snippets/src/lib.rs has changed since its check ran",
    )
}
