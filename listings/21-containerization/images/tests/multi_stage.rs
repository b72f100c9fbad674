//! Two stages: refused by an older base, and at home on the same one.

use book_support::docker::human_size;
use book_support::{
    Matcher, Tolerance, captured, captured_matching, fact_within,
};
use images::{build, captured as file, said, shorten_and_follow};

#[test]
fn an_older_base_refuses_the_program() {
    let image = build("mismatch.Dockerfile").run();
    let refused = image.run_to_end(&[], &[]);
    assert_eq!(refused.status.code(), Some(1));
    // Which version is missed first differs from build to build.
    let said = said(&refused);
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    captured(&file("mismatch-refusal"), &lines.join("\n"));
}

#[test]
fn it_holds_the_program_and_no_compiler() {
    let image = build("multi-stage.Dockerfile").run();
    let container = image.container().http(8080, "/readyz").start();
    shorten_and_follow(&container);
    assert_eq!(image.user(), "65532:65532");
    fact_within(
        &file("multi-stage-size"),
        human_size(image.size()),
        Tolerance::Percent(10.0),
    );
    // COPY, USER and CMD.
    captured_matching(
        &file("multi-stage-layers"),
        &image.history(3),
        &[Matcher::Size],
    );

    let inside = container.exec(&[
        "sh",
        "-c",
        "id -u; which cargo gcc git; echo $?",
    ]);
    assert_eq!(said(&inside), "65532\n1");
}

#[test]
fn it_needs_its_base_for_the_c_library_alone() {
    let image = build("multi-stage.Dockerfile").run();
    let needs = image.run_to_end(
        &["--entrypoint", "ldd"],
        &["/usr/local/bin/links-api"],
    );
    let needs = said(&needs);
    // Where a library was loaded to differs each time, and says nothing.
    let names = needs
        .lines()
        .map(|l| l.split(" (0x").next().unwrap_or(l).trim());
    let names = names.collect::<Vec<_>>().join("\n");
    captured(&file("multi-stage-ldd"), &names);
}

#[test]
fn its_user_and_its_file_system_refuse_writing() {
    let image = build("multi-stage.Dockerfile").run();
    let program = "/usr/local/bin/links-api";
    let as_user = image.run_to_end(&[], &["touch", program]);
    let read_only =
        image.run_to_end(&["--read-only"], &["touch", "/tmp/note"]);
    for (refused, why) in [
        (&as_user, "Permission denied"),
        (&read_only, "Read-only file system"),
    ] {
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(said(refused).ends_with(why), "{refused:?}");
    }
}
