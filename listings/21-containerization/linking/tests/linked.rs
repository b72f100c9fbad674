//! One program, linked in three ways: what each asks for, and where it starts.

use book_support::captured;
use linking::{file, image, said};

const PROGRAMS: [&str; 3] = ["dynamic", "static", "musl"];

#[test]
fn each_program_says_what_it_asks_for() {
    let image = image("linked", "links-api", "programs");
    let ask = |tool: &str, flag: &str, program: &str| {
        let asked = image.run_to_end(&[], &[tool, flag, program]);
        assert!(asked.status.success(), "{asked:?}");
        said(&asked)
    };
    let mut rows = Vec::new();
    for program in PROGRAMS {
        let headers = ask("readelf", "--program-headers", program);
        let loader = between(&headers, "interpreter: ", "]");
        let entries = ask("readelf", "--dynamic", program);
        let libraries: Vec<&str> = entries
            .lines()
            .filter_map(|l| l.split_once("Shared library: ["))
            .map(|(_, name)| name.trim_end_matches(']'))
            .collect();
        let none = |text: &str| match text {
            "" => "-".to_owned(),
            text => text.to_owned(),
        };
        let loader = none(loader.unwrap_or_default());
        let libraries = none(&libraries.join(" "));
        rows.push(format!("{program:9}{loader:29}{libraries}"));
    }
    let head = format!("{:9}{:29}{}", "", "loader", "libraries");
    captured(
        &file("asks-for"),
        &[&[head], &rows[..]].concat().join("\n"),
    );
}

/// What stands after one text and before another.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    text.split_once(from)?.1.split_once(to).map(|(found, _)| found)
}

#[test]
fn a_base_decides_which_of_them_start() {
    const BASES: [&str; 6] = [
        "debian",
        "older-debian",
        "distroless-cc",
        "distroless-static",
        "musl-base",
        "scratch-image",
    ];
    let mut rows =
        vec![format!("{:19}dynamic         static  musl", "")];
    for base in BASES {
        let image = image("linked", "links-api", base);
        let words = PROGRAMS.map(|program| {
            let program = format!("/{program}");
            let asked =
                image.run_to_end(&[], &[&program, "--healthcheck"]);
            start_of(&program, &said(&asked))
        });
        let [dynamic, fixed, musl] = words;
        rows.push(format!("{base:19}{dynamic:16}{fixed:8}{musl}"));
    }
    captured(&file("where-it-starts"), &rows.join("\n"));
}

/// How a program began. It was asked for its health: one that started
/// found no server.
fn start_of(program: &str, said: &str) -> &'static str {
    let missing = format!("exec {program}: no such file or directory");
    if said.contains("not healthy: Connection refused") {
        "starts"
    } else if said.contains(&missing) {
        "no loader"
    } else if said.contains("version `GLIBC_") {
        "older library"
    } else {
        panic!("{program} said {said}")
    }
}

#[test]
fn the_other_loader_does_not_know_this_library() {
    let image = image("linked", "links-api", "musl-base");
    let loader = "/lib/ld-musl-x86_64.so.1";
    let refused = image.run_to_end(&[], &[loader, "/dynamic"]);
    assert_eq!(refused.status.code(), Some(127), "{refused:?}");
    // Behind them it names what of the libraries it missed.
    let said = said(&refused);
    let missed: Vec<&str> =
        said.lines().filter(|l| l.contains("shared library")).collect();
    captured(&file("other-loader"), &missed.join("\n"));
}
