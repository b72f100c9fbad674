//! The minimal image: one static program, and nothing else to use.

use std::time::Duration;

use book_support::docker::human_size;
use book_support::{
    Matcher, Tolerance, captured, captured_matching, eventually, fact,
    fact_within,
};
use images::{build, captured as file, said, shorten_and_follow};

#[test]
fn it_is_one_small_static_program() {
    let image = build("minimal.Dockerfile").run();
    let limit = 10_000_000;
    assert!(image.size() < limit, "{}", human_size(image.size()));
    fact(&file("minimal-limit"), human_size(limit));
    fact_within(
        &file("minimal-size"),
        human_size(image.size()),
        Tolerance::Percent(15.0),
    );
    assert_eq!(image.layers().len(), 1);
    assert!(
        !has_interpreter(&image.file("/links-api")),
        "the program names a dynamic loader"
    );
}

#[test]
fn it_serves_with_nothing_allowed_and_stops_when_told() {
    let image = build("minimal.Dockerfile").run();
    assert_eq!(image.user(), "65532:65532");
    let memory = 16 << 20;
    let container = image
        .container()
        .locked_down()
        .memory(memory)
        .http(8080, "/readyz")
        .start();
    let followed = shorten_and_follow(&container);
    let head: Vec<&str> = followed.head.lines().take(2).collect();
    captured(&file("minimal-redirect"), &head.join("\n"));

    let limits = "read-only {{.HostConfig.ReadonlyRootfs}}, capabilities dropped {{.HostConfig.CapDrop}}, user {{.Config.User}}";
    captured(&file("minimal-limits"), &container.inspect(limits));
    let allowed = container.inspect("{{.HostConfig.Memory}}");
    assert_eq!(allowed, memory.to_string());

    let shell = container.exec(&["/bin/sh"]);
    assert!(!shell.status.success());
    assert!(said(&shell).contains("no such file"), "{shell:?}");

    // The image's HEALTHCHECK, run by the engine.
    let budget = Duration::from_secs(30);
    eventually(
        "the engine calls it healthy",
        budget,
        || match container.inspect("{{.State.Health.Status}}") {
            status if status == "healthy" => Ok(()),
            other => Err(other),
        },
    );

    let (took, code) = container.stop(Duration::from_secs(10));
    let log = container.logs();
    assert_eq!(code, 0, "{log}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    captured_matching(&file("minimal-log"), &log, &[Matcher::Time]);
}

/// Whether a 64-bit little-endian ELF file has a program header of type
/// PT_INTERP: that header names the dynamic loader.
fn has_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01");
    let number = |at: usize, bytes: usize| {
        let bytes = elf[at..at + bytes].iter().rev();
        bytes.fold(0_u64, |n, byte| n << 8 | u64::from(*byte))
    };
    let (offset, size, count) =
        (number(32, 8), number(54, 2), number(56, 2));
    (0..count)
        .any(|i| number((offset + i * size) as usize, 4) == PT_INTERP)
}

#[test]
fn a_dynamic_program_is_told_from_a_static_one() {
    let own = std::fs::read("/proc/self/exe").unwrap();
    assert!(has_interpreter(&own), "this test is linked dynamically");
}
