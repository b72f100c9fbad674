//! What is wrong with a quiz is said at its line, and what is right looks as it should.

use std::collections::BTreeMap;

use super::*;
use crate::model::Origin;
use crate::page::Page;
use crate::widgets::Place;

fn block(text: &str) -> Block {
    Block {
        page: "src/a/b.md".into(),
        line: 10,
        end_line: 11 + text.lines().count(),
        lang: "quiz".into(),
        attrs: BTreeMap::new(),
        text: text.into(),
        origin: Origin::Widget,
        format: None,
    }
}

/// A quiz of one question, with these lines below `ask`.
fn asked(lines: &str) -> String {
    format!("id = \"a\"\n\n[[question]]\nask = \"Which?\"\n{lines}\n")
}

const GOOD: &str = "options = [\"one\", { text = \"two `b`\", because = \"It is *not*.\" }]\nanswer = \"one\"\nwhy = \"Because.\"\n\
                    source = \"#there\"";

#[test]
fn what_is_wrong_is_said_at_its_line() {
    for (text, line, words) in [
        ("x = ", 1, "this quiz does not read"),
        ("id = \"a\"\n", 1, "a quiz without a question"),
        (&*asked(GOOD).replace("id = \"a\"", ""), 1, "has no `id`"),
        (&*asked(GOOD).replace("\"a\"", "\"A b\""), 1, "`A b` is no id"),
        (&*asked("explain = \"x\""), 5, "unknown field `explain`"),
        (
            &*asked("options = [1, 2]\nanswer = \"1\""),
            5,
            "an option is a text, or {",
        ),
        (
            &*asked("options = [\"a\", \"b\"]\nwhy = \"x\"\nsource = \"#a\""),
            4,
            "no answer",
        ),
        (&*asked(GOOD).replace("answer = \"one\"", "answer = 1"), 6, "is no text"),
        (
            &*asked(GOOD).replace("answer = \"one\"", "answer = \"onne\""),
            6,
            "the answer `onne` is none of the options (did you mean `one`?)",
        ),
        (
            &*asked(GOOD).replace("answer = \"one\"", "answers = [\"one\", \"one\"]"),
            6,
            "stands twice",
        ),
        (
            &*asked(GOOD).replace("answer = \"one\"", "answers = [\"one\", \"two `b`\"]"),
            5,
            "every option is right",
        ),
        (
            &*asked(GOOD).replace("answer = \"one\"", "answer = \"two `b`\""),
            5,
            "`because` says why an option is wrong",
        ),
        (
            &*asked(GOOD).replace("\"one\", {", "\"One\", \"one\", {"),
            5,
            "stands twice",
        ),
        (
            &*asked("options = [\"a\"]\nanswer = \"a\"\nwhy = \"x\"\nsource = \"#a\""),
            5,
            "one option is no choice",
        ),
        (&*asked(GOOD).replace("why = \"Because.\"\n", ""), 4, "no explanation"),
        (
            &*asked(GOOD).replace("source = \"#there\"", ""),
            4,
            "nothing proves this question",
        ),
        (
            &*asked(GOOD).replace("Because.", "It takes 3 ms."),
            7,
            "`3 ms` was typed by hand",
        ),
        (
            &*asked(GOOD).replace("Because.", "# Because"),
            7,
            "more in this explanation",
        ),
        (&*asked(&format!("code = \"x\"\n{GOOD}")), 5, "nothing runs this code"),
        (&*asked(&format!("check = \"prints\"\n{GOOD}")), 4, "no code to check"),
        (
            &*asked(&format!("check = \"runs\"\n{GOOD}")),
            5,
            "unknown variant `runs`",
        ),
        (
            &*asked("check = \"compiles\"\ncode = \"1\"\nanswer = false\nwhy = \"x\""),
            7,
            "not with which error",
        ),
        (
            &*asked("check = \"compiles\"\ncode = \"1\"\nanswer = \"no\"\nwhy = \"x\""),
            7,
            "a yes or a no",
        ),
        (
            &*asked("check = \"error\"\ncode = \"1\"\nanswer = \"moved\"\nwhy = \"x\""),
            7,
            "`moved` is no error code",
        ),
        (&*asked(&format!("proof_line = \"x\"\n{GOOD}")), 5, "without a `proof`"),
    ] {
        let faults = read::read(text).err().unwrap_or_default();
        assert!(
            faults.iter().any(|f| f.below == line && f.what.contains(words)),
            "{line} {words}\n{faults:#?}\n{text}"
        );
        assert!(faults.iter().all(|f| !f.fix.is_empty()), "{faults:#?}");
    }
    assert_eq!(read::read(&asked(GOOD)).err(), None);
}

fn three(options: [&str; 3], answers: [&str; 3]) -> String {
    let mut text = "id = \"a\"\n".to_owned();
    for (options, answer) in options.iter().zip(answers) {
        text.push_str(&format!(
            "[[question]]\nask = \"Which?\"\noptions = {options}\nanswer = \"{answer}\"\nwhy = \"x\"\nsource = \"#a\"\n"
        ));
    }
    text
}

#[test]
fn a_key_that_can_be_guessed_is_none() {
    let first = three(["[\"a\", \"b\"]"; 3], ["a"; 3]);
    let longest = three(
        ["[\"aa\", \"b\"]", "[\"b\", \"aa\"]", "[\"b\", \"aa\"]"],
        ["aa", "aa", "aa"],
    );
    let good = three(["[\"aa\", \"b\"]"; 3], ["aa", "b", "aa"]);
    assert!(read::read(&first).unwrap_err()[0].what.contains("always option 1"));
    assert!(read::read(&longest).unwrap_err()[0].what.contains("always the longest"));
    assert!(read::read(&good).is_ok());
}

#[test]
fn a_quiz_is_one_block_of_html_whose_answers_are_closed() {
    let text = asked(GOOD)
        + "[[question]]\nask = \"What does it print?\"\ncheck = \"prints\"\ncode = '''\nlet a = 1;\n\nprintln!(\"{a}\");\n'''\n\
           answer = \"1\"\nwhy = \"It does.\"\n";
    let root = Root { path: "/".into() };
    let place = Place {
        root: &root,
        to_root: "../",
        address: "a/b.html",
    };
    let html = html(place, &block(&text));
    assert!(html.lines().all(|line| !line.trim().is_empty()), "{html}");
    for words in [
        "<form class=\"quiz\" id=\"quiz-a\" data-quiz=\"a/b.html#a\" data-of=\"2\"",
        "<input type=\"radio\" name=\"quiz-a-1\" value=\"0\" data-key=\"\"> <span>one</span>",
        "<span>two <code>b</code></span>",
        "<summary>Answer 1</summary>\n<p><strong>one.</strong> Because.</p>",
        "<li data-for=\"1\"><em>two <code>b</code></em>: It is <em>not</em>.</li>",
        "<a href=\"#there\">Read it again</a>",
        "let a = 1;&#10;&#10;println!(&quot;&#123;a}&quot;);</code>",
        "<input type=\"text\" name=\"quiz-a-2\" data-key=\"1\"",
    ] {
        assert!(html.contains(words), "{words}\n{html}");
    }
    let plain = plain(&block(&text));
    assert!(plain.contains("- (a) one\n- (b) two `b`\n"), "{plain}");
    assert!(!plain.contains("Because"), "{plain}");
    let answers = answers(&block(&text));
    assert!(
        answers.contains("**1.** (a) one. Because.\n\n- Not (b): It is *not*.\n"),
        "{answers}"
    );
    assert!(answers.contains("**2.** `1`. It does."), "{answers}");
}

#[test]
fn a_program_stands_at_its_line_and_is_judged_by_what_it_printed() {
    let code =
        "check = \"prints\"\ncode = '''\nprintln!(\"7\");\n'''\noptions = [\"7\", \"8\"]\nanswer = \"7\"\nwhy = \"x\"";
    let block = block(&asked(code));
    let root = Root { path: "/".into() };
    let programs = prove::programs(&root, &block);
    let (n, program) = &programs[0];
    assert_eq!((*n, program.line, program.end_line), (0, 16, 18));
    let judged = |stdout: &str| {
        let seen = prove::Seen {
            question: 0,
            result: crate::model::BlockResult {
                page: program.page.clone(),
                line: program.line,
                findings: Vec::new(),
                detail: String::new(),
            },
            stdout: stdout.into(),
        };
        prove::judge(&block, &[seen])
    };
    let good = judged("7\n");
    assert_eq!(good.findings, []);
    assert_eq!(good.detail, "1 of 1 question compiled and run");
    let bad = judged("8\n");
    assert_eq!(bad.findings[0].line, 20);
    assert_eq!(
        bad.findings[0].what,
        "question 1: the program prints `8`, which is another option, and the key says `7`"
    );
}

#[test]
fn a_key_is_bound_to_what_a_check_captured() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root {
        path: dir.path().to_path_buf(),
    };
    std::fs::create_dir_all(root.join("l/captured")).unwrap();
    std::fs::create_dir_all(root.join("src/a")).unwrap();
    std::fs::write(root.join("book.toml"), "[preprocessor.book]\n").unwrap();
    std::fs::write(root.join("l/captured/x.txt"), "sent     1064\ncounted  1000\n").unwrap();
    std::fs::write(root.join("src/a/c.md"), "# C\n\n## It is *here*\n").unwrap();
    let console = Block {
        lang: "console".into(),
        origin: Origin::Console,
        text: "$ echo lost\nkept\n".into(),
        line: 3,
        ..block("")
    };
    let said = |lines: &str| {
        let page = Page::of_blocks("src/a/b.md", vec![console.clone(), block(&asked(lines))]);
        let found = bind::together(&root, &page);
        let said: Vec<String> = found.iter().map(|f| format!("{} {}", f.line, f.what)).collect();
        said.join("\n")
    };
    let quiz = |proof: &str, options: &str, answer: &str| {
        said(&format!(
            "options = [{options}]\nanswer = \"{answer}\"\nwhy = \"x\"\nproof = \"{proof}\""
        ))
    };
    const FILE: &str = "l/captured/x.txt";
    assert_eq!(quiz(FILE, "\"1000\", \"64\"", "1000"), "");
    assert_eq!(
        quiz(
            FILE,
            "\"`counted 1000` clicks\", \"`counted 1064`\"",
            "`counted 1000` clicks"
        ),
        ""
    );
    let line = format!("{FILE}\"\nproof_line = \"counted");
    assert_eq!(quiz(&line, "\"1000\", \"1064\"", "1000"), "");
    for (proof, options, answer, words) in [
        (
            FILE,
            "\"1000\", \"1064\"",
            "1000",
            "16 the key calls `1064` wrong, and l/captured/x.txt says it",
        ),
        (
            FILE,
            "\"100\", \"7\"",
            "100",
            "16 the key says `100`, and l/captured/x.txt does not",
        ),
        (
            "l/captured/y.txt",
            "\"1\", \"2\"",
            "1",
            "18 l/captured/y.txt does not exist",
        ),
        (
            "l/x.txt",
            "\"1\", \"2\"",
            "1",
            "18 l/x.txt is neither captured by a check nor shown",
        ),
        (
            "session",
            "\"lost\", \"kept\"",
            "lost",
            "16 the key says `lost`, and session does not",
        ),
    ] {
        assert!(
            quiz(proof, options, answer).contains(words),
            "{}",
            quiz(proof, options, answer)
        );
    }
    assert_eq!(quiz("session", "\"lost\", \"kept\"", "kept"), "");
    let taught = |source: &str| {
        said(&format!(
            "options = [\"a\", \"b\"]\nanswer = \"b\"\nwhy = \"x\"\nsource = \"{source}\""
        ))
    };
    assert_eq!(taught("c.md#it-is-here"), "");
    assert!(
        taught("c.md#it-is-hero")
            .contains("18 `source` names the heading #it-is-hero, which is not there (did you mean `it-is-here`?)")
    );
    assert!(taught("d.md#x").contains("`source` names the page d.md, which does not exist"));
    let twice = Page::of_blocks(
        "src/a/b.md",
        vec![
            block(&asked(GOOD)),
            Block {
                line: 30,
                ..block(&asked(GOOD))
            },
        ],
    );
    let found = bind::together(&root, &twice);
    assert!(
        found
            .iter()
            .any(|f| f.line == 31 && f.what == "the quiz of line 10 has the id `a` too"),
        "{found:#?}"
    );
}
