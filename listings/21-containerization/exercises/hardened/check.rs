//! What may the container do? Asked of the engine that runs it, with the
//! rules of the page.

use std::time::Duration;

use book_support::exercise::docker::{Ran, build};
use book_support::exercise::{Check, Demand, first_error};
use supply::audit::audit;
use supply::inspect::Container;

const BUILD: Demand = Demand {
    step: "build",
    must: "build from the folder of links-api",
    fix: "docker build --file Dockerfile in that folder says more",
};
const SHELL: Demand = Demand {
    step: "shell",
    must: "not be there",
    fix: "start the last stage from a base that has none",
};
const CONTAINER: Demand = Demand {
    step: "container",
    must: "answer /readyz on port 8080 with these options",
    fix: "look at what the engine, or the program, says",
};
const LINK: Demand = Demand {
    step: "short link",
    must: "be made with 201",
    fix: "ship links-api as it is",
};
/// One for each rule of the audit, under its name.
const RULES: [Demand; 8] = [
    rule("user", "be a number, and not 0"),
    rule("files", "be closed to the program"),
    rule("capabilities", "all be dropped, and none added"),
    rule("privileges", "never grow"),
    rule("system calls", "go through the engine's filter"),
    rule("limits", "be set for memory and for processes"),
    rule("the machine", "stay out of reach"),
    rule("secrets", "not be in the environment"),
];

const fn rule(step: &'static str, must: &'static str) -> Demand {
    let fix =
        "the page on what a container may do has an option for it";
    Demand { step, must, fix }
}

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

    let options =
        std::fs::read_to_string(check.folder().join("options"));
    let options = options.expect("the file with the options");
    let options: Vec<&str> = options
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let patience = Duration::from_secs(8);
    let container = image.run(&options, 8080, "/readyz", patience);
    check.note("log", container.logs());
    check.need(&CONTAINER, container.state(), container.is_ready());
    judge(&check, &container);

    let link = r#"{"target":"https://www.rust-lang.org"}"#;
    let made = container.send("POST", "/links", link);
    let seen = match &made {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.to_string(),
    };
    check.demand(&LINK, &seen, seen == "201");
    check.end();
}

/// Says of each rule what the audit found.
fn judge(check: &Check, container: &Ran) {
    let text = container.inspect("{{json .}}");
    let inspected: Container =
        serde_json::from_str(&text).expect("Docker writes JSON");
    let found = audit(&inspected);
    let known = |rule| RULES.iter().any(|demand| demand.step == rule);
    assert!(found.iter().all(|finding| known(finding.rule)));
    for demand in &RULES {
        let finding = found.iter().find(|f| f.rule == demand.step);
        let seen = finding.map_or("nothing found", |f| &f.seen);
        check.demand(demand, seen, finding.is_none());
    }
}
