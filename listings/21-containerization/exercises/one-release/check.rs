//! Does the last stage fit the first? Seen on a real engine.

use std::time::Duration;

use book_support::docker::human_size;
use book_support::exercise::docker::{Ran, build};
use book_support::exercise::{Check, Demand, first_error};

const BUILD: Demand = Demand {
    step: "build",
    must: "build from the folder of links-api",
    fix: "docker build --file Dockerfile in that folder says more",
};
const CONTAINER: Demand = Demand {
    step: "container",
    must: "answer /readyz on port 8080",
    fix: "the line above is what the container, or the engine, said last",
};
const SIZE: Demand = Demand {
    step: "image size",
    must: "be under 100 MB",
    fix: "let the last stage start from a base without a compiler",
};
const COMPILER: Demand = Demand {
    step: "compiler",
    must: "not be in the image",
    fix: "copy the program alone from the stage that builds it",
};
const USER: Demand = Demand {
    step: "user",
    must: "not be root",
    fix: "name another user in the last stage",
};
const STOP: Demand = Demand {
    step: "stop",
    must: "end with exit code 0 in 5 seconds",
    fix: "SIGTERM goes to the first process of the container: let that be the program",
};

/// In bytes, as the engine counts.
const LIMIT: u64 = 100_000_000;

#[test]
fn check() {
    let check = Check::begin();
    let links_api = "listings/21-containerization/links-api";
    let context = book_support::root().join(links_api);
    let file = check.folder().join("Dockerfile");
    let image = match build(&file, &context, &[]) {
        Ok(image) => image,
        Err(log) => {
            check.note("build log", &log);
            return check.need(&BUILD, first_error(&log), false);
        }
    };
    check.demand(&BUILD, "builds", true);

    let patience = Duration::from_secs(8);
    let container = image.run(&[], 8080, "/readyz", patience);
    check.need(&CONTAINER, became(&container), container.is_ready());
    let size = image.size();
    check.demand(&SIZE, human_size(size), size < LIMIT);
    let compiler = ["/usr/local/cargo/bin/rustc", "/usr/bin/rustc"]
        .iter()
        .find(|path| image.file(path).is_some());
    let seen = compiler.unwrap_or(&"none");
    check.demand(&COMPILER, seen, compiler.is_none());
    let user = image.inspect("{{.Config.User}}");
    let name = user.split(':').next().unwrap_or_default();
    let root = matches!(name, "" | "0" | "root");
    check.demand(&USER, if root { "root" } else { &user }, !root);

    let (took, code) = container.stop(Duration::from_secs(8));
    let right = code == 0 && took < Duration::from_secs(5);
    let took = took.as_secs_f64();
    check.demand(
        &STOP,
        format!("exit code {code} after {took:.1} s"),
        right,
    );
    check.end();
}

/// What became of a container; of one that has ended also why, as far
/// as it said so.
fn became(container: &Ran) -> String {
    let log = container.logs();
    let state = container.state();
    let said = log.lines().find(|line| !line.trim().is_empty());
    match said {
        Some(line) if !container.is_running() => {
            format!("{state}: {line}")
        }
        _ => state,
    }
}
