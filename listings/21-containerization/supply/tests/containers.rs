//! What a container may do: asked of the kernel, and of the audit.

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use book_support::captured;
use book_support::docker::{Build, Image, output};
use common::{alone, file};
use supply::audit::audit;
use supply::inspect::Container;

/// The program that all chapters build, in an image without a shell.
fn links_api() -> Image {
    let folder = "listings/21-containerization";
    let dockerfile = format!("{folder}/images/minimal.Dockerfile");
    Build::of(&dockerfile, &format!("{folder}/links-api")).run()
}

/// The options with which nothing is found.
const HARDENED: [&str; 9] = [
    "--read-only",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--memory",
    "16m",
    "--pids-limit",
    "64",
];

/// A container that was made, and never runs.
struct Made(String);

impl Made {
    fn of(image: &str, options: &[&str]) -> Made {
        let run = std::env::var("BOOK_RUN");
        let label = format!(
            "--label=book.test={}",
            run.unwrap_or_else(|_| "by-hand".to_owned())
        );
        let made = [&["create", &label], options, &[image]].concat();
        Made(output(&made))
    }

    fn inspected(&self) -> String {
        output(&["inspect", &self.0])
    }

    /// What the audit says of it, a line each.
    fn findings(&self) -> Vec<String> {
        let text = self.inspected();
        let all: Vec<Container> = serde_json::from_str(&text).unwrap();
        let found = audit(&all[0]).into_iter();
        found.map(|f| format!("{}: {}", f.rule, f.seen)).collect()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let words = ["rm", "--force", "--volumes", &self.0];
        Command::new("docker").args(words).output().ok();
    }
}

#[test]
fn each_option_that_is_left_out_or_undone_is_found() {
    let image = links_api();
    let of =
        |options: &[&str]| Made::of(image.tag(), options).findings();
    let without = |words: &[&str]| -> Vec<&str> {
        let kept = HARDENED.into_iter();
        kept.filter(|word| !words.contains(word)).collect()
    };
    assert_eq!(of(&HARDENED), Vec::<String>::new());

    let socket =
        "--volume=/var/run/docker.sock:/var/run/docker.sock:ro";
    let undone: [(&str, Vec<&str>); 12] = [
        ("--user root", [&HARDENED[..], &["--user=root"]].concat()),
        ("no --read-only", without(&["--read-only"])),
        ("no --cap-drop", without(&["--cap-drop", "ALL"])),
        ("--cap-add CHOWN", with("--cap-add=CHOWN")),
        (
            "no no-new-privileges",
            without(&["--security-opt", "no-new-privileges"]),
        ),
        ("--privileged", with("--privileged")),
        (
            "seccomp=unconfined",
            with("--security-opt=seccomp=unconfined"),
        ),
        ("no --memory", without(&["--memory", "16m"])),
        ("no --pids-limit", without(&["--pids-limit", "64"])),
        ("--network host", with("--network=host")),
        ("the engine's socket", with(socket)),
        ("a token", with("--env=BROKER_TOKEN=not-a-real-token")),
    ];
    let mut lines = Vec::new();
    for (what, options) in undone {
        let found = of(&options);
        assert!(!found.is_empty(), "{what} is not found");
        assert!(!found.concat().contains("not-a-real-token"));
        for finding in found {
            lines.push(format!("{what:20} {finding}"));
        }
    }
    captured(&file("audit"), &lines.join("\n"));
}

fn with(option: &str) -> Vec<&str> {
    let mut options = HARDENED.to_vec();
    options.push(option);
    options
}

#[test]
fn the_program_ends_with_one_where_there_is_a_finding() {
    let image = links_api();
    let hardened = Made::of(image.tag(), &HARDENED);
    let (code, said) = audited(&hardened.inspected());
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let open = Made::of(image.tag(), &[]);
    let (code, said) = audited(&open.inspected());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("files: "), "{said}");
    let (code, said) = audited("no JSON");
    assert_eq!(code, Some(1));
    assert!(said.contains("not what docker inspect prints"), "{said}");
}

fn audited(inspected: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_audit"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(inspected.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), said(&output))
}

#[test]
fn a_set_uid_program_makes_root_of_a_user_unless_that_is_off() {
    let image = alone("setuid.Dockerfile").run();
    let uid = |options: &[&str]| {
        let ran = image.run_to_end(options, &[]);
        let words = said(&ran);
        let words = words.split_whitespace().map(str::to_owned);
        words.skip(1).take(2).collect::<Vec<_>>()
    };
    assert_eq!(uid(&["--cap-drop", "ALL"]), ["65532", "0"]);
    let off = ["--security-opt", "no-new-privileges"];
    assert_eq!(uid(&off), ["65532", "65532"]);
}

/// What the kernel says of a process with these options.
fn enforced(options: &[&str]) -> Vec<(String, String)> {
    let image = "debian:trixie-slim";
    let run = ["run", "--rm"];
    let read = ["cat", "/proc/self/status"];
    let status =
        output(&[&run[..], options, &[image], &read[..]].concat());
    let named = status.lines().filter_map(|line| line.split_once(':'));
    named
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

#[test]
fn the_kernel_enforces_what_was_asked_for() {
    let value = |status: &[(String, String)], name: &str| {
        let line = status.iter().find(|(named, _)| named == name);
        line.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let usual = enforced(&[]);
    assert_eq!(value(&usual, "NoNewPrivs"), "0");
    assert_ne!(value(&usual, "CapEff"), "0000000000000000");
    assert_eq!(value(&usual, "Seccomp"), "2", "a filter");
    let user = ["--user", "65532:65532"];
    let hardened = enforced(&[&user[..], &HARDENED[..]].concat());
    assert_eq!(value(&hardened, "NoNewPrivs"), "1");
    assert_eq!(value(&hardened, "CapEff"), "0000000000000000");
    assert_eq!(value(&hardened, "CapBnd"), "0000000000000000");
    assert_eq!(value(&hardened, "Seccomp"), "2");
    assert!(value(&hardened, "Uid").starts_with("65532"));
    let off = enforced(&["--security-opt", "seccomp=unconfined"]);
    assert_eq!(value(&off, "Seccomp"), "0");
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}
