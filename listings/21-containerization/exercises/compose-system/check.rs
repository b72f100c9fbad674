//! Does the system come up in order, keep its passwords and its rows, and let nobody at the database? Asked of Compose.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use book_support::exercise::docker::{Built, build};
use book_support::exercise::{Check, Demand, first_error};
use serde_json::{Value, json};

const CONFIG: Demand = Demand {
    step: "file",
    must: "be understood by Compose",
    fix: "docker compose config --quiet in your folder says more",
};
const SECRETS: Demand = Demand {
    step: "passwords",
    must: "stand in no variable of any container",
    fix: "mount them as secrets, and name the files in variables that end in _FILE",
};
const UP: Demand = Demand {
    step: "start",
    must: "come up, and be healthy",
    fix: "look at what the services say: docker compose logs",
};
const ORDER: Demand = Demand {
    step: "order",
    must: "start once the database is healthy",
    fix: "give the database a health check, and let depends_on wait for it",
};
const REACH: Demand = Demand {
    step: "reach",
    must: "not reach the database",
    fix: "put the database on a network on which only its users are",
};
const CLICK: Demand = Demand {
    step: "click",
    must: "be counted",
    fix: "ship the programs as they are, and let each reach what it needs",
};
const ROWS: Demand = Demand {
    step: "rows",
    must: "still be there after docker compose down and up",
    fix: "keep the database's folder in a named volume",
};

const MODULE: &str = "listings/21-containerization";
const PASSWORD: &str = "for-development-only";
const SERVICES: [&str; 5] =
    ["links", "resolver", "clicks", "postgres", "rabbitmq"];
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A project of the folder under check, under a name of its own; taken
/// down when dropped.
struct Project {
    name: String,
    folder: PathBuf,
    /// The file, changed so that it meets nobody.
    file: PathBuf,
    images: Vec<(String, Built)>,
}

impl Project {
    fn compose(&self, file: &str, args: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(["compose", "--project-name", &self.name]);
        command.args(["--file", file, "--project-directory"]);
        command.arg(&self.folder).args(args);
        for (variable, image) in &self.images {
            command
                .env(variable, image.inspect("{{index .RepoTags 0}}"));
        }
        command.env("LINKS_PORT", "0").output().expect("docker runs")
    }

    fn call(&self, args: &[&str]) -> Output {
        self.compose(&self.file.to_string_lossy(), args)
    }

    /// Reads the reader's file; what Compose said when it cannot.
    fn read(&self) -> Result<(), String> {
        let out = self.compose(
            &self.folder.join("compose.yaml").to_string_lossy(),
            &["config", "--format=json"],
        );
        if !out.status.success() {
            return Err(first_error(&String::from_utf8_lossy(
                &out.stderr,
            )));
        }
        let mut config: Value = serde_json::from_slice(&out.stdout)
            .map_err(|e| e.to_string())?;
        mark(&mut config);
        std::fs::write(&self.file, config.to_string())
            .map_err(|e| e.to_string())
    }

    /// Brings it up and waits; what Compose said when it does not come.
    fn up(&self) -> Result<(), String> {
        let up = ["up", "--detach", "--wait", "--wait-timeout=120"];
        let out = self.call(&up);
        match out.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&out.stderr);
                let last = said.lines().rfind(|l| !l.trim().is_empty());
                Err(last.unwrap_or("it does not come up").to_owned())
            }
        }
    }

    fn inspect(&self, service: &str, format: &str) -> String {
        let out = self.call(&["ps", "--all", "--quiet", service]);
        let id = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        let args = ["inspect", "--format", format, &id];
        let out = Command::new("docker").args(args).output();
        let out = out.expect("docker runs");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Status and `location` of an answer of `links`.
    fn send(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String) {
        let out = self.call(&["port", "links", "8080"]);
        let text = String::from_utf8_lossy(&out.stdout);
        let server: Option<SocketAddr> = text.trim().parse().ok();
        let answer = server.and_then(|s| http(s, method, path, body));
        answer.unwrap_or_default()
    }

    /// Asks again until the answer has this status; the last one.
    fn until(
        &self,
        method: &str,
        path: &str,
        wanted: u16,
    ) -> (u16, String) {
        let body = r#"{"target":"https://www.rust-lang.org"}"#;
        let start = Instant::now();
        loop {
            let answer = self.send(method, path, body);
            if answer.0 == wanted || start.elapsed() > PATIENCE {
                return answer;
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    fn sql(&self, query: &str) -> String {
        let psql =
            ["psql", "--username=links", "--no-align", "-tc", query];
        let exec = ["exec", "--no-TTY", "postgres"];
        let out = self.call(&[&exec[..], &psql].concat());
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.call(&["down", "--volumes", "--timeout=5"]);
        // It is gone already when nothing was written.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Marks all that is made as this run's, and publishes on any port.
fn mark(config: &mut Value) {
    let run = std::env::var("BOOK_RUN")
        .unwrap_or_else(|_| format!("by-hand-{}", std::process::id()));
    for kind in ["services", "networks", "volumes"] {
        let parts = config.get_mut(kind).and_then(Value::as_object_mut);
        for part in
            parts.into_iter().flat_map(|parts| parts.values_mut())
        {
            if part.is_null() {
                *part = json!({});
            }
            part["labels"]["book.test"] = run.as_str().into();
        }
    }
}

/// A small request, and status and `location` of its answer.
fn http(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: t\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let location = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then_some(value)
    });
    Some((status, location.unwrap_or_default().to_owned()))
}

fn images() -> Vec<(String, Built)> {
    let context = book_support::root().join(MODULE);
    let file = context.join("system/Dockerfile");
    let built = ["links", "resolver", "clicks"].map(|name| {
        let target = format!("--target={name}");
        let image = build(&file, &context, &[&target]);
        let image = image.unwrap_or_else(|log| panic!("{name}: {log}"));
        (format!("{}_IMAGE", name.to_uppercase()), image)
    });
    built.into()
}

/// When the first probe of the database passed, and when `resolver` was
/// started, as the engine writes it: times that can be compared as text.
fn order(project: &Project) -> Result<(), String> {
    let probes = "{{with .State.Health}}{{range .Log}}{{.ExitCode}} {{.End.UTC.Format \"2006-01-02T15:04:05.000\"}}\n{{end}}{{end}}";
    let probes = project.inspect("postgres", probes);
    if probes.is_empty() {
        return Err("the database has no health check".to_owned());
    }
    let first = probes.lines().find_map(|line| line.strip_prefix("0 "));
    let started = project.inspect("resolver", "{{.State.StartedAt}}");
    match first {
        Some(first) if *first < *started => Ok(()),
        Some(_) => Err("resolver was there first".to_owned()),
        None => Err("the database is never healthy".to_owned()),
    }
}

#[test]
fn check() {
    let check = Check::begin();
    let name = format!("compose-system-{}", std::process::id());
    let project = Project {
        file: std::env::temp_dir().join(format!("{name}.json")),
        name,
        folder: check.folder().to_owned(),
        images: images(),
    };
    let read = project.read();
    let seen =
        read.as_ref().map_or_else(|e| e.as_str(), |()| "is read");
    check.need(&CONFIG, seen, read.is_ok());

    let up = project.up();
    let seen =
        up.as_ref().map_or_else(|e| e.as_str(), |()| "is healthy");
    let order = order(&project);
    let known = SERVICES.iter().find(|service| {
        project.inspect(service, "{{json .Config}}").contains(PASSWORD)
    });
    let at = known.map_or("none".into(), |s| format!("one of {s}"));
    check.demand(&SECRETS, at, known.is_none());
    check.need(&UP, seen, up.is_ok());
    let seen =
        order.as_ref().map_or_else(|e| e.as_str(), |()| "it did");
    check.demand(&ORDER, seen, order.is_ok());

    // The broker's image has a shell that opens connections.
    let open = "timeout 5 bash -c '</dev/tcp/postgres/5432'";
    let exec = ["exec", "--no-TTY", "rabbitmq", "bash", "-c", open];
    let reached = project.call(&exec).status.success();
    let seen =
        if reached { "rabbitmq does" } else { "rabbitmq does not" };
    check.demand(&REACH, seen, !reached);

    let (made, link) = project.until("POST", "/links", 201);
    let (followed, _) = project.until("GET", &link, 307);
    let code = link.trim_start_matches('/');
    let query = format!(
        "SELECT clicks FROM clicks.counts WHERE code = '{code}'"
    );
    let start = Instant::now();
    while project.sql(&query).is_empty() && start.elapsed() < PATIENCE {
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let count = project.sql(&query);
    let counted = !count.is_empty();
    let count = if counted { count.as_str() } else { "nothing" };
    let seen =
        format!("made {made}, followed {followed}, counted {count}");
    check.need(&CLICK, seen, counted);

    // As `down` does it, and volumes without a name go at once.
    project.call(&["rm", "--stop", "--force", "--volumes"]);
    let up = project.up();
    let (status, _) = project.until("GET", &link, 307);
    let kept = up.is_ok() && status == 307;
    let seen = if kept { "are there" } else { "are gone" };
    check.demand(&ROWS, seen, kept);
    check.end();
}
