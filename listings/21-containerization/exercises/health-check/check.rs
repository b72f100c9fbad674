//! Does the engine find out? Asked of an engine, with a program that is
//! frozen and goes on.

use std::time::{Duration, Instant};

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
    fix: "look at what the container says: docker logs",
};
const SHELL: Demand = Demand {
    step: "shell",
    must: "not be there",
    fix: "bring no shell along for the probe: the program can ask itself",
};
const HEALTH: Demand = Demand {
    step: "health",
    must: "be healthy within 10 seconds",
    fix: "the words behind it are what the engine, or the probe, said",
};
const FROZEN: Demand = Demand {
    step: "frozen",
    must: "be called unhealthy within 18 seconds",
    fix: "the engine has to ask often, and give up after a few refusals",
};
const AGAIN: Demand = Demand {
    step: "going on",
    must: "be called healthy again within 10 seconds",
    fix: "the probe has to pass whenever the program answers",
};

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
    let shell = ["/bin/sh", "/bin/bash", "/bin/busybox", "/busybox/sh"]
        .iter()
        .find(|path| image.file(path).is_some());
    check.demand(&SHELL, shell.unwrap_or(&"none"), shell.is_none());

    let patience = Duration::from_secs(8);
    let container = image.run(&[], 8080, "/readyz", patience);
    check.need(&CONTAINER, container.state(), container.is_ready());
    let seen = health_becomes(&container, "healthy", 10);
    check.need(&HEALTH, &seen, seen == "healthy");
    container.signal("STOP");
    let seen = health_becomes(&container, "unhealthy", 18);
    check.demand(&FROZEN, &seen, seen.starts_with("unhealthy"));
    container.signal("CONT");
    let seen = health_becomes(&container, "healthy", 10);
    check.demand(&AGAIN, &seen, seen == "healthy");
    check.end();
}

/// Waits until the engine calls a container so; what it calls it at the
/// end, and what its last probe said if that was no success.
fn health_becomes(
    container: &Ran,
    wanted: &str,
    seconds: u64,
) -> String {
    const STATE: &str = "{{with .State.Health}}{{.Status}}{{end}}";
    const SAID: &str = "{{with .State.Health}}{{range .Log}}{{.ExitCode}} {{json .Output}}\n{{end}}{{end}}";
    let start = Instant::now();
    loop {
        let state = container.inspect(STATE);
        if state.is_empty() {
            return "no health check".to_owned();
        }
        let over = start.elapsed() > Duration::from_secs(seconds);
        // One that has failed once does not recover by itself: `healthy`
        // may follow `starting`, and not `unhealthy` of a wrong probe.
        let wrong = wanted == "healthy" && state == "unhealthy";
        let settled = wrong && start.elapsed() > Duration::from_secs(6);
        if state == wanted || over || settled {
            let log = container.inspect(SAID);
            let last =
                log.lines().rfind(|line| !line.starts_with("0 "));
            return match last {
                Some(line) if state != "healthy" => {
                    format!("{state}: {line}")
                }
                _ => state,
            };
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
