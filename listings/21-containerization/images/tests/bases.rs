//! One program on four bases: what each base holds, and what happens to
//! a program on a base that lacks what it needs.

use book_support::docker::{Image, human_size};
use book_support::{Tolerance, captured, fact_within};
use images::{build, captured as file, said, shorten_and_follow};

fn on(base: &str) -> Image {
    let target = format!("--target={base}");
    build("bases.Dockerfile").arg(&target).run()
}

const BASES: [&str; 4] =
    ["debian", "distroless-cc", "distroless-static", "scratch-image"];

#[test]
fn each_base_is_enough_for_the_program() {
    for base in BASES {
        let image = on(base);
        let container = image
            .container()
            .locked_down()
            .http(8080, "/readyz")
            .start();
        shorten_and_follow(&container);
        let name = format!("base-{base}-size");
        let size = human_size(image.size());
        fact_within(&file(&name), size, Tolerance::Percent(10.0));
    }
}

#[test]
fn a_base_is_known_by_what_is_in_it() {
    // What a program may look for, and a path that shows whether it is
    // there.
    const NEEDS: [(&str, &str); 6] = [
        ("C library", "lib64/ld-linux-x86-64.so.2"),
        ("list of users", "etc/passwd"),
        ("authorities", "etc/ssl/certs/ca-certificates.crt"),
        ("time zones", "usr/share/zoneinfo/Europe/Paris"),
        ("shell", "bin/sh"),
        ("packages", "usr/bin/dpkg"),
    ];
    let held: Vec<Vec<String>> =
        BASES.iter().map(|base| on(base).paths()).collect();
    let mut table = format!("{:14}", "");
    BASES.iter().for_each(|base| table += &format!("  {base}"));
    for (what, path) in NEEDS {
        table += &format!("\n{what:14}");
        for (base, paths) in BASES.iter().zip(&held) {
            let word = if holds(paths, path) { "yes" } else { "-" };
            table += &format!("  {word:width$}", width = base.len());
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    captured(&file("bases"), &lines.join("\n"));
}

/// Whether a path is there. Debian's `/bin` and `/lib64` are links to
/// folders below `/usr`.
fn holds(paths: &[String], path: &str) -> bool {
    let below_usr = format!("usr/{path}");
    let path = path.to_owned();
    paths.contains(&path) || paths.contains(&below_usr)
}

#[test]
fn a_program_without_its_loader_is_called_missing() {
    let image = on("misplaced");
    // The program is there …
    assert!(holds(&image.paths(), "links-api"));
    let refused = image.run_to_end(&[], &[]);
    // … and the loader that it names is not.
    assert!(!holds(&image.paths(), "lib64/ld-linux-x86-64.so.2"));
    assert_ne!(refused.status.code(), Some(0));
    let message = "exec /links-api: no such file or directory";
    assert!(said(&refused).contains(message), "{refused:?}");
}
