//! Is it small, harmless, and does it serve? Seen on a real engine.

use std::time::Duration;

use book_support::docker::human_size;
use book_support::exercise::docker::{Built, build, loader};
use book_support::exercise::{Check, Demand, first_error};

const BUILD: Demand = Demand {
    step: "build",
    must: "build from the folder of links-api",
    fix: "docker build --file Dockerfile in that folder says more",
};
const SIZE: Demand = Demand {
    step: "image size",
    must: "be under 10 MB",
    fix: "only what the last stage starts from and copies is in the image: ship the program, not what built it",
};
const USER: Demand = Demand {
    step: "user",
    must: "not be root",
    fix: "name another user in the last stage",
};
const CERTIFICATES: Demand = Demand {
    step: "certificates",
    must: "be in /etc/ssl/certs/ca-certificates.crt",
    fix: "copy that file from the image that you build in",
};
const SHELL: Demand = Demand {
    step: "shell",
    must: "not be there",
    fix: "start the last stage from a base that has none",
};
const CONTAINER: Demand = Demand {
    step: "container",
    must: "answer /readyz on port 8080, read-only, without capabilities, in 16 MiB",
    fix: "look at what the container says: docker logs, docker inspect",
};
const LINK: Demand = Demand {
    step: "short link",
    must: "be made with 201 and followed with 307",
    fix: "ship links-api as it is",
};
const STOP: Demand = Demand {
    step: "stop",
    must: "end with exit code 0 in 5 seconds",
    fix: "the stop signal has to reach the program, which reacts to SIGTERM",
};

/// In bytes, as the engine counts.
const LIMIT: u64 = 10_000_000;
/// With which flags it has to work.
const NOTHING_ALLOWED: [&str; 6] = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=16m",
    "--memory-swap=16m",
    "--pids-limit=64",
];
const SHELLS: [&str; 6] = [
    "/bin/sh",
    "/bin/bash",
    "/bin/dash",
    "/bin/ash",
    "/bin/busybox",
    "/busybox/sh",
];
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

#[test]
fn check() {
    let check = Check::begin();
    let context = book_support::root()
        .join("listings/21-containerization/links-api");
    let image = match build(
        &check.folder().join("Dockerfile"),
        &context,
        &[],
    ) {
        Ok(image) => image,
        Err(log) => {
            check.note("build log", &log);
            return check.need(&BUILD, first_error(&log), false);
        }
    };
    check.demand(&BUILD, "builds", true);

    let size = image.size();
    check.demand(&SIZE, human_size(size), size < LIMIT);
    let user = image.inspect("{{.Config.User}}");
    let name = user.split(':').next().unwrap_or_default();
    let root = matches!(name, "" | "0" | "root");
    check.demand(&USER, if root { "root" } else { &user }, !root);
    let bundle = image.file(BUNDLE).unwrap_or_default();
    let bundle = String::from_utf8_lossy(&bundle);
    let count = bundle.matches("-----BEGIN CERTIFICATE-----").count();
    let seen =
        if count == 0 { "none".into() } else { format!("{count}") };
    check.demand(&CERTIFICATES, seen, count > 0);
    let shell = SHELLS.iter().find(|path| image.file(path).is_some());
    check.demand(&SHELL, shell.unwrap_or(&"none"), shell.is_none());
    note_loader(&check, &image);

    let patience = Duration::from_secs(8);
    let container =
        image.run(&NOTHING_ALLOWED, 8080, "/readyz", patience);
    check.note("log", container.logs());
    check.need(&CONTAINER, container.state(), container.is_ready());

    let link = r#"{"target":"https://www.rust-lang.org"}"#;
    let made = container.send("POST", "/links", link);
    let code = made.as_ref().ok().and_then(|a| a.header("location"));
    let followed = code.map(|code| container.get(code));
    let status = |answer: std::io::Result<_>| match answer {
        Ok(book_support::docker::Answer { status, .. }) => {
            status.to_string()
        }
        Err(error) => error.to_string(),
    };
    let followed = followed.map_or("nothing to follow".into(), status);
    let made = status(made);
    let right = made == "201" && followed == "307";
    check.demand(&LINK, format!("{made}, then {followed}"), right);

    let (took, code) = container.stop(Duration::from_secs(10));
    let right = code == 0 && took < Duration::from_secs(5);
    let took = took.as_secs_f64();
    check.demand(
        &STOP,
        format!("exit code {code} after {took:.1} s"),
        right,
    );
    check.end();
}

/// Which loader the program asks for, and whether the image has it.
fn note_loader(check: &Check, image: &Built) {
    let words = image.inspect(
        "{{join .Config.Entrypoint \" \"}} {{join .Config.Cmd \" \"}}",
    );
    let name = words.split_whitespace().next().unwrap_or_default();
    // A name alone is looked for in the folders of PATH.
    let folders = ["", "/usr/local/bin/", "/usr/bin/", "/bin/"];
    let mut files = folders
        .iter()
        .filter_map(|folder| image.file(&format!("{folder}{name}")));
    let Some(program) = files.next() else {
        return check.note("loader", format!("{name} was not found"));
    };
    let Some(loader) = loader(&program) else {
        return check.note("loader", "the program asks for none");
    };
    let there = match image.file(&loader) {
        Some(_) => "which is in the image",
        None => "which is not in the image",
    };
    check.note("loader", format!("{loader}, {there}"));
}
