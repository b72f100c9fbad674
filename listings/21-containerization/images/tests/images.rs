//! The images of module 21: built as the pages show, run on the engine, and asked whether the pages tell the truth.

use std::time::Duration;

use book_support::docker::{human_size, output};
use book_support::{
    Matcher, Tolerance, captured, captured_matching, fact, fact_within,
};
use images::{build, captured as file};

const MB: u64 = 1_000_000;

/// Both outputs of a command, trimmed.
fn said(output: &std::process::Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

#[test]
fn the_first_image_works_and_is_far_too_large() {
    let image = build("first.Dockerfile").run();
    let container = image.container().http(8080, "/readyz").start();
    let made = container
        .send(
            "POST",
            "/links",
            r#"{"target":"https://www.rust-lang.org"}"#,
        )
        .unwrap();
    assert_eq!(made.status, 201, "{made:?}");

    // A floor that also holds for the registry's larger base image.
    let floor = 1000 * MB;
    assert!(image.size() > floor, "{}", human_size(image.size()));
    fact(&file("first-floor"), human_size(floor));

    // Root, with a compiler and a shell at hand.
    assert_eq!(image.user(), "");
    let inside = container.exec(&[
        "sh",
        "-c",
        "id -un; which cargo gcc git sh | wc -l",
    ]);
    captured(&file("first-inside"), &said(&inside));
}

#[test]
fn the_first_image_builds_everything_again_after_a_change() {
    let before = build("first.Dockerfile").run();
    let cached = |image: &book_support::docker::Image| {
        image
            .cached_steps()
            .iter()
            .any(|step| step.contains("cargo build"))
    };
    let again = build("first.Dockerfile").run();
    assert!(
        cached(&again),
        "an unchanged context is built from the cache:\n{}",
        again.log()
    );
    drop(before);
}

#[test]
fn an_older_base_refuses_the_program() {
    let image = build("mismatch.Dockerfile").run();
    let refused = image.run_to_end(None, &[]);
    assert_eq!(refused.status.code(), Some(1));
    captured(&file("mismatch-refusal"), &said(&refused));
}

#[test]
fn the_multi_stage_image_holds_the_program_and_no_compiler() {
    let image = build("multi-stage.Dockerfile").run();
    let container = image.container().http(8080, "/readyz").start();
    assert_eq!(container.get("/livez").unwrap().body, "alive");
    assert_eq!(image.user(), "65532:65532");
    fact_within(
        &file("multi-stage-size"),
        human_size(image.size()),
        Tolerance::Percent(10.0),
    );

    let inside = container.exec(&[
        "sh",
        "-c",
        "id -u; which cargo gcc git; echo $?",
    ]);
    captured(&file("multi-stage-inside"), &said(&inside));

    // What the program still needs from its base.
    let needs =
        image.run_to_end(Some("ldd"), &["/usr/local/bin/links-api"]);
    captured_matching(
        &file("multi-stage-ldd"),
        &addresses_hidden(&said(&needs)),
        &[],
    );
}

/// `ldd` prints where it loaded a library to; that differs each time, and says nothing.
fn addresses_hidden(text: &str) -> String {
    let lines = text
        .lines()
        .map(|l| l.split(" (0x").next().unwrap_or(l).trim());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_minimal_image_is_small_and_locked_down() {
    let image = build("minimal.Dockerfile").run();
    let limit = 10 * MB;
    assert!(image.size() < limit, "{}", human_size(image.size()));
    fact(&file("minimal-limit"), human_size(limit));
    fact_within(
        &file("minimal-size"),
        human_size(image.size()),
        Tolerance::Percent(15.0),
    );
    assert_eq!(image.user(), "65532:65532");
    // One layer, one file.
    assert_eq!(image.inspect("{{len .RootFS.Layers}}"), "1");

    let container =
        image.container().locked_down().http(8080, "/readyz").start();
    let made = container
        .send(
            "POST",
            "/links",
            r#"{"target":"https://www.rust-lang.org"}"#,
        )
        .unwrap();
    assert_eq!(made.status, 201);
    let code = made
        .head
        .lines()
        .find_map(|l| l.strip_prefix("location: "))
        .unwrap()
        .trim();
    let followed = container.get(code).unwrap();
    assert_eq!(followed.status, 307);
    captured(
        &file("minimal-redirect"),
        followed
            .head
            .lines()
            .take(2)
            .collect::<Vec<_>>()
            .join("\n")
            .as_str(),
    );

    let limits = "read-only {{.HostConfig.ReadonlyRootfs}}, capabilities dropped {{.HostConfig.CapDrop}}, user {{.Config.User}}";
    captured(&file("minimal-limits"), &container.inspect(limits));

    let shell = container.exec(&["/bin/sh"]);
    assert!(!shell.status.success());
    captured(&file("minimal-no-shell"), &said(&shell));

    book_support::eventually(
        "the engine calls it healthy",
        Duration::from_secs(30),
        || match container.inspect("{{.State.Health.Status}}") {
            status if status == "healthy" => Ok(()),
            other => Err(other),
        },
    );

    let (took, code) = container.stop(Duration::from_secs(10));
    assert_eq!(code, 0, "{}", container.logs());
    assert!(took < Duration::from_secs(5), "{took:?}");
    let log = container.logs();
    let last: Vec<&str> = log.lines().rev().take(2).collect();
    let last = format!("{}\n{}", last[1], last[0]);
    captured_matching(&file("minimal-stop"), &last, &[Matcher::Time]);
}

#[test]
fn the_minimal_program_is_static() {
    let image = build("minimal.Dockerfile").run();
    let id = output(&["create", "--label", "book.test", image.tag()]);
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("links-api");
    let copied = std::process::Command::new("docker")
        .args(["cp", "--quiet", &format!("{id}:/links-api")])
        .arg(&copy)
        .status();
    output(&["rm", &id]);
    assert!(copied.unwrap().success());
    let elf = std::fs::read(&copy).unwrap();
    assert!(
        !has_interpreter(&elf),
        "the program names a dynamic loader"
    );
}

/// Whether a 64-bit little-endian ELF file has a program header of type PT_INTERP.
fn has_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01");
    let number = |at: usize, bytes: usize| {
        elf[at..at + bytes]
            .iter()
            .rev()
            .fold(0_u64, |n, b| n << 8 | u64::from(*b))
    };
    let (offset, size, count) =
        (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|i| {
        number((offset + i * size) as usize, 4) == u64::from(PT_INTERP)
    })
}
