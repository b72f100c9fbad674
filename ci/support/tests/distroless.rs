//! The bases without a shell, used as a chapter would: a program runs in them, as nobody special, and finds what it
//! needs; somebody who breaks in finds nothing.
//!
//! Where one of the images is absent a build fails, with the command that brings it.

use book_support::docker::{Build, Image, output};

const BASES: [(&str, &str); 2] = [
    ("static", "gcr.io/distroless/static-debian13:nonroot"),
    ("cc", "gcr.io/distroless/cc-debian13:nonroot"),
];

fn build(target: &str) -> Image {
    for (_, base) in BASES {
        let there = output(&["image", "ls", "--quiet", base]);
        assert!(
            !there.is_empty(),
            "no image {base} on this engine\n  fix: cargo book setup --image {base}"
        );
    }
    let program = Build::of("ci/support/tests/distroless.Dockerfile", "ci/support/tests/distroless");
    program.arg(&format!("--target={target}")).run()
}

#[test]
fn a_program_finds_what_it_needs_and_runs_as_nobody_special() {
    for (target, base) in BASES {
        let out = build(target).run_to_end(
            &["--read-only", "--cap-drop=ALL", "--network=none", "--tmpfs=/tmp"],
            &[],
        );
        let said = String::from_utf8_lossy(&out.stdout);
        let expected = "\
user 65532
users root nobody nonroot
groups root nobody nonroot
trusts many true
knows time zones true
is PRETTY_NAME=\"Distroless\"
stands in /home/nonroot
writes to / false
writes to /home/nonroot false
writes to /tmp true
";
        assert_eq!(said, expected, "{base}: {out:?}");
    }
}

#[test]
fn what_is_not_read_only_is_the_users_home_and_no_more() {
    let out = build("static").run_to_end(&["--network=none"], &[]);
    let said = String::from_utf8_lossy(&out.stdout);
    for line in [
        "writes to / false",
        "writes to /home/nonroot true",
        "writes to /tmp true",
    ] {
        assert!(said.contains(line), "no `{line}` in {said}");
    }
}

#[test]
fn a_linked_program_needs_the_base_with_libraries() {
    let out = build("mismatch").run_to_end(&["--network=none"], &[]);
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("no such file or directory"), "{said}");
}

/// Every path in an image, of which no program needs to run for that.
fn paths(image: &Image) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (id, tar) = (folder.path().join("id"), folder.path().join("image.tar"));
    let (id, tar) = (id.to_string_lossy(), tar.to_string_lossy());
    // Without `--rm` it outlives its end, which is what is exported.
    let ran = image.run_to_end(&["--rm=false", "--cidfile", &id], &[]);
    let id = std::fs::read_to_string(&*id).expect("an id");
    let exported = std::process::Command::new("docker")
        .args(["export", "--output", &tar, &id])
        .output();
    output(&["rm", "--force", &id]);
    assert!(ran.status.success(), "{ran:?}");
    assert!(exported.expect("docker").status.success());
    let list = std::process::Command::new("tar")
        .args(["--list", "--file", &tar])
        .output()
        .expect("tar");
    String::from_utf8_lossy(&list.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn neither_holds_a_shell_a_package_manager_or_any_other_program() {
    for (target, base) in BASES {
        let paths = paths(&build(target));
        let programs: Vec<&String> = paths
            .iter()
            .filter(|path| {
                path.starts_with("usr/bin/") || path.starts_with("usr/sbin/") || path.contains("usr/local/bin/")
            })
            .filter(|path| !path.ends_with('/'))
            .collect();
        assert_eq!(programs, [] as [&str; 0], "{base}");
        assert!(paths.contains(&"look".to_owned()));
        let library = |name: &str| paths.iter().any(|path| path.ends_with(name));
        let linked = ["/libc.so.6", "/libgcc_s.so.1", "/libstdc++.so.6"];
        assert_eq!(linked.map(library), [target == "cc"; 3], "{base}");
        assert!(!paths.iter().any(|path| path.contains("libssl")), "{base}");
        // Scanners find the packages without a package manager.
        assert!(library("var/lib/dpkg/status.d/tzdata"), "{base}");
    }
}
