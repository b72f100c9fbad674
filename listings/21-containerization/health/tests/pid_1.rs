//! Who is process number one, and what becomes of a signal.

mod engine;

use book_support::docker::{Build, Image};
use book_support::{captured, eventually};
use engine::{BUDGET, Container, file};

/// Seconds. What hears the signal ends long before, also on a machine
/// that is busy.
const GRACE: u64 = 8;

/// Stands in a table for no flag.
const NONE: &str = "none";

const FOLDER: &str = "listings/21-containerization/health";

fn image(target: &str) -> Image {
    let file = format!("{FOLDER}/pid-1.Dockerfile");
    let context = "listings/21-containerization/links-api";
    Build::of(&file, context).arg(&format!("--target={target}")).run()
}

fn small() -> Image {
    let file = format!("{FOLDER}/small.Dockerfile");
    Build::of(&file, &format!("{FOLDER}/src/bin")).run()
}

/// The words with which its first process was started.
fn first(container: &Container) -> String {
    let words = container.exec(&["cat", "/proc/1/cmdline"]);
    words.trim_end_matches('\0').replace('\0', " ")
}

#[test]
fn who_hears_the_signal_depends_on_who_is_first() {
    let mut table = format!(
        "{:13}{:8}{:42}{:7}code\n",
        "stage", "flag", "process 1", "heard"
    );
    for (target, flag) in [
        ("shell", NONE),
        ("script", NONE),
        ("words", NONE),
        ("script-exec", NONE),
        ("shell", "--init"),
        ("words", "--init"),
    ] {
        let image = image(target);
        let flags: &[&str] = if flag == NONE { &[] } else { &[flag] };
        let container = Container::run(&image, flags, &[]);
        container.says("\"ready\"");
        let first = first(&container);
        let code = container.stop(GRACE);
        let heard = match container.log().contains("stop requested") {
            true => "yes",
            false => "no",
        };
        table +=
            &format!("{target:13}{flag:8}{first:42}{heard:7}{code}\n");
    }
    captured(&file("first"), &table);
}

#[test]
fn a_program_without_a_handler_is_deaf_as_number_one() {
    let image = small();
    let mut table = format!("{:8}{:30}code\n", "flag", "process 1");
    for flag in [NONE, "--init"] {
        let flags: &[&str] = if flag == NONE { &[] } else { &[flag] };
        let container = Container::run(&image, flags, &[]);
        let first = first(&container);
        let code = container.stop(GRACE);
        table += &format!("{flag:8}{first:30}{code}\n");
    }
    captured(&file("deaf"), &table);
}

/// The states of all processes of a container, each with its name:
/// `Z true`.
fn processes(container: &Container) -> Vec<String> {
    const STATES: &str = "sed -E 's/^[0-9]+ \\((.*)\\) (.).*/\\2 \\1/' /proc/[0-9]*/stat";
    let listed = container.exec(&["sh", "-c", STATES]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn an_init_takes_in_orphans_and_no_children_of_ours() {
    let image = small();
    let mut table = format!("{:10}{:12}--init\n", "zombies", NONE);
    for (what, name) in [("child", "true"), ("orphan", "sleep")] {
        let counts =
            [(NONE, 1), ("--init", usize::from(what == "child"))].map(
                |(flag, expected)| {
                    let flags: &[&str] =
                        if flag == NONE { &[] } else { &[flag] };
                    let command = ["left_behind", what];
                    let container =
                        Container::run(&image, flags, &command);
                    let zombies = || {
                        let all = processes(&container);
                        let alive = ["S ", "R ", "D "]
                            .map(|state| format!("{state}{name}"));
                        let started = all
                            .iter()
                            .any(|p| p.ends_with(" left_behind"));
                        let lives =
                            all.iter().any(|p| alive.contains(p));
                        let dead = format!("Z {name}");
                        let dead =
                            all.iter().filter(|p| **p == dead).count();
                        match started && !lives && dead == expected {
                            true => Ok(dead),
                            false => Err(all),
                        }
                    };
                    eventually(what, BUDGET, zombies)
                },
            );
        table += &format!("{what:10}{:<12}{}\n", counts[0], counts[1]);
    }
    captured(&file("zombies"), &table);
}
