//! The whole system, brought up by Compose: what it does, and what it does while a part of it is away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use book_support::compose::{Project, compose, compose_with};
use book_support::docker::{Build, output};
use book_support::{captured, eventually, listing, root};
use serde_json::Value;

const FILE: &str = "listings/21-containerization/system/compose.yaml";
const LINK: &str = r#"{"target":"https://www.rust-lang.org"}"#;

/// Longest that the system may take to notice, and to recover.
const BUDGET: Duration = Duration::from_secs(90);

/// What this book has written, and not the engines behind it.
const PROGRAMS: [&str; 3] = ["links", "resolver", "clicks"];

type Answer = (u16, String, String);

/// Status, `location` and body of an answer; none when nobody answers.
fn http(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Option<Answer> {
    http_traced(server, method, path, body, "")
}

/// As [`http`], as a part of a trace that began elsewhere.
fn http_traced(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
    traceparent: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let length = body.len();
    // In the older version no answer comes in chunks.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: t\r\n\
         traceparent: {traceparent}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is = name.eq_ignore_ascii_case("location");
        is.then(|| value.to_owned())
    });
    Some((status, location.unwrap_or_default(), body.to_owned()))
}

/// A request to the front of the system.
fn send(
    project: &Project,
    method: &str,
    path: &str,
    body: &str,
) -> Option<Answer> {
    http(project.address("links", 8080), method, path, body)
}

fn status(project: &Project, path: &str) -> Option<u16> {
    send(project, "GET", path, "").map(|(status, ..)| status)
}

/// Waits until a path answers so.
fn becomes(project: &Project, path: &str, wanted: u16) {
    eventually(
        &format!("{path} says {wanted}"),
        BUDGET,
        || match status(project, path) {
            Some(status) if status == wanted => Ok(()),
            other => Err(other),
        },
    );
}

/// Makes a link; the path that follows it.
fn shorten(project: &Project) -> String {
    let (status, location, body) =
        send(project, "POST", "/links", LINK).expect("an answer");
    assert_eq!(status, 201, "{body}");
    location
}

/// What a query answers.
fn sql(project: &Project, query: &str) -> String {
    let psql = ["psql", "--username=links", "--no-align", "-tc", query];
    let exec = ["exec", "--no-TTY", "postgres"];
    let out = project.call(&[&exec[..], &psql].concat());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{query}: {said}");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Waits until this many clicks of a link are counted.
fn counted(project: &Project, path: &str, clicks: u32) {
    let code = path.trim_start_matches('/');
    let query = format!(
        "SELECT clicks FROM clicks.counts WHERE code = '{code}'"
    );
    eventually("the clicks are counted", BUDGET, || {
        match sql(project, &query) {
            count if count == clicks.to_string() => Ok(()),
            other => Err(other),
        }
    });
}

fn container(project: &Project, service: &str) -> String {
    let out = project.call(&["ps", "--all", "--quiet", service]);
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn inspect(project: &Project, service: &str, format: &str) -> String {
    let id = container(project, service);
    output(&["inspect", "--format", format, &id])
}

#[test]
fn each_program_has_an_image_without_root_and_shell() {
    let folder = "listings/21-containerization";
    for program in PROGRAMS {
        let image =
            Build::of(&format!("{folder}/system/Dockerfile"), folder)
                .arg(&format!("--target={program}"))
                .run();
        assert_eq!(image.user(), "65532");
        let paths = image.paths();
        assert!(paths.iter().any(|path| path == "program"));
        assert!(!paths.iter().any(|path| path.ends_with("bin/sh")));
        // It says itself what it needs.
        let alone = image.run_to_end(&[], &[]);
        assert_eq!(alone.status.code(), Some(78), "{alone:?}");
        let said = String::from_utf8_lossy(&alone.stderr);
        assert!(said.contains("_URL is not set"), "{said}");
    }
}

#[test]
fn one_request_leaves_a_row_and_a_message_and_prometheus_asks() {
    let system = compose_with(FILE, &["observe"], &[]);
    becomes(&system, "/readyz", 200);
    let link = shorten(&system);
    let code = link.trim_start_matches('/');
    let query = format!(
        "SELECT target FROM resolver.links WHERE code = '{code}'"
    );
    assert_eq!(sql(&system, &query), "https://www.rust-lang.org");

    let followed = send(&system, "GET", &link, "").unwrap();
    assert_eq!(followed.0, 307);
    assert_eq!(followed.1, "https://www.rust-lang.org");
    counted(&system, &link, 1);
    send(&system, "GET", &link, "").unwrap();
    counted(&system, &link, 2);

    // It asks whom its file names.
    let config = listing(
        "listings/21-containerization/system/observe/prometheus.yml",
    );
    let query = "/api/v1/query?query=up%7Bjob%3D%22rabbitmq%22%7D";
    let asked =
        eventually("Prometheus has asked the broker", BUDGET, || {
            let answer = get(&system, "prometheus", 9090, query);
            let result = &answer["data"]["result"][0];
            match result["value"][1].as_str() {
                Some("1") => Ok(result["metric"]["instance"].clone()),
                _ => Err(answer),
            }
        });
    assert!(config.contains(&asked.to_string()), "{asked}");
}

/// Whose spans Jaeger has of a trace.
fn took_part(system: &Project, trace: &str) -> Vec<String> {
    let path = format!("/api/traces/{trace}");
    let answer = get(system, "jaeger", 16686, &path);
    let processes = answer["data"][0]["processes"].as_object();
    let mut names: Vec<String> = processes
        .into_iter()
        .flat_map(|processes| processes.values())
        .filter_map(|process| process["serviceName"].as_str())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The tables are there already when `clicks` starts again. The database
/// says so, a library asks whether that is worth a line of the log, and
/// it is not: what comes next is the first span.
#[test]
fn the_first_click_after_a_start_has_its_span() {
    let observed = [("OTLP", "http://jaeger:4318")];
    let system = compose_with(FILE, &["observe"], &observed);
    // `up` came back when it listened, and not before.
    let health = "{{.State.Health.Status}}";
    assert_eq!(inspect(&system, "jaeger", health), "healthy");
    becomes(&system, "/readyz", 200);
    let link = shorten(&system);
    for trace in [
        "0af7651916cd43dd8448eb211c80319c",
        "4bf92f3577b34da6a3ce929d0e0e4736",
    ] {
        let restarted = system.call(&["restart", "clicks"]);
        assert!(restarted.status.success(), "{restarted:?}");
        eventually(
            "clicks are counted again",
            BUDGET,
            || match inspect(&system, "clicks", health) {
                health if health == "healthy" => Ok(()),
                other => Err(other),
            },
        );
        let parent = format!("00-{trace}-b7ad6b7169203331-01");
        let server = system.address("links", 8080);
        let followed = http_traced(server, "GET", &link, "", &parent);
        assert_eq!(followed.map(|answer| answer.0), Some(307));
        let seen = eventually("the trace is complete", BUDGET, || {
            let names = took_part(&system, trace);
            let all = names.len() == PROGRAMS.len();
            if all { Ok(names) } else { Err(names) }
        });
        assert_eq!(seen, ["clicks", "links-connected", "resolver"]);
    }
}

/// What is seen of a program that was given a secret with another
/// password.
fn guesses(system: &Project, service: &str, secret: &str) -> String {
    let prefix = service.to_uppercase();
    let variable = secret.to_uppercase().replace('-', "_");
    let folder = "listings/21-containerization/system/secrets";
    let right = listing(&format!("{folder}/{secret}"));
    let wrong = right.replace("for-development-only", "guess");
    assert_ne!(right, wrong);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), wrong).unwrap();
    // The user of the image has to read it.
    let all = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(file.path(), all).unwrap();
    let mount = format!("{}:/guess:ro", file.path().display());
    let env = format!("{prefix}_{variable}_FILE=/guess");
    let started = system.call(&[
        "run",
        "--detach",
        "--no-deps",
        "--volume",
        &mount,
        "--env",
        &env,
        service,
    ]);
    assert!(started.status.success(), "{started:?}");
    let id = String::from_utf8_lossy(&started.stdout);
    let id = id.trim();
    // What it says when it knows.
    let said = eventually("it says why", BUDGET, || {
        let log = output(&["logs", id]);
        let said = log.lines().find_map(|line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let why = event.get("error").or(event.get("failure"))?;
            let warns = event["level"] == "WARN";
            warns.then(|| why.as_str().map(str::to_owned))?
        });
        said.ok_or(log)
    });
    // The database adds the line of its own source.
    let said = said.split(" at line ").next().unwrap();
    let state = output(&["inspect", "--format", STATE, id]);
    let mut check = Command::new("docker");
    check.args(["exec", id, "/program", "--healthcheck"]);
    let check = check.output().unwrap();
    let code = check.status.code().unwrap();
    let health = String::from_utf8_lossy(&check.stderr);
    let log = output(&["logs", id]);
    assert!(!log.contains("guess"), "it shows the password: {log}");
    output(&["rm", "--force", id]);
    format!(
        "{service}, another password in {secret}\n\
         container     {}\nhealth check  {} ({code})\nlog           {said}\n",
        state.trim(),
        health.trim(),
    )
}

const STATE: &str = "{{.State.Status}}";

#[test]
fn a_wrong_password_ends_no_program_and_is_said() {
    let system = compose(FILE);
    let seen = [
        ("resolver", "database-url"),
        ("clicks", "database-url"),
        ("clicks", "broker-url"),
    ]
    .map(|(service, secret)| guesses(&system, service, secret));
    captured(
        "listings/21-containerization/system/captured/guess.txt",
        &seen.join("\n"),
    );
}

/// Ends a process and those that it started.
struct Group(Child);

impl Group {
    /// Sends a signal to all of them.
    fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.id());
        let kill = ["-s", name, "--", &group];
        // Nobody is left to hear it: as good.
        let _ = Command::new("kill").args(kill).status();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.signal("KILL");
            let _ = self.0.wait();
        }
    }
}

/// An image whose name the next one takes: it is removed by its id.
struct Nameless(String);

impl Drop for Nameless {
    fn drop(&mut self) {
        let id = self.0.as_str();
        let image = |words: &[&str]| {
            let docker = Command::new("docker")
                .arg("image")
                .args(words)
                .output();
            docker.map(|out| {
                String::from_utf8_lossy(&out.stdout).trim().to_owned()
            })
        };
        // Another system of this run may have made the same, and uses it.
        let names =
            image(&["inspect", "--format={{len .RepoTags}}", id]);
        if names.is_ok_and(|names| names == "0") {
            let _ = image(&["rm", id]);
        }
    }
}

/// The sources in a folder of their own, and the project's file with the
/// paths of that folder.
fn sources_of(system: &Project, copy: &Path) -> PathBuf {
    let module = root().join("listings/21-containerization");
    for name in SOURCES {
        copy_all(&module.join(name), &copy.join(name));
    }
    let config = system.call(&["config", "--format=json"]);
    let mut config: Value =
        serde_json::from_slice(&config.stdout).unwrap();
    let moved = |path: &mut Value| {
        let inside = Path::new(path.as_str().unwrap());
        let inside = inside.strip_prefix(&module).unwrap();
        *path = copy.join(inside).to_str().unwrap().into();
    };
    for program in PROGRAMS {
        moved(&mut config["services"][program]["build"]["context"]);
    }
    let watch = &mut config["services"]["links"]["develop"]["watch"];
    for rule in watch.as_array_mut().unwrap() {
        moved(&mut rule["path"]);
    }
    let file = copy.join("compose.json");
    std::fs::write(&file, config.to_string()).unwrap();
    file
}

/// What images are made from.
const SOURCES: [&str; 7] = [
    "clicks",
    "links-api",
    "links-connected",
    "links-contract",
    "resolver",
    "service",
    "system",
];

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) =
            (entry.file_name(), entry.file_type().unwrap());
        if kind.is_dir() && name != "target" {
            copy_all(&entry.path(), &to.join(name));
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_changed_line_is_served_while_compose_watches() {
    // Dropped after the system, and so when nobody uses it.
    let mut before = Nameless(String::new());
    let system = compose(FILE);
    before.0 = inspect(&system, "links", "{{.Image}}");
    // While the container is replaced, nobody has the port.
    let said = || {
        let port = system.call(&["port", "links", "8080"]);
        let port = String::from_utf8_lossy(&port.stdout);
        let server = port.trim().parse().ok()?;
        http(server, "GET", "/livez", "").map(|(_, _, body)| body)
    };
    assert_eq!(said().as_deref(), Some("alive"));
    let copy = tempfile::tempdir().unwrap();
    let file = sources_of(&system, copy.path());
    let log = copy.path().join("watch.log");
    let printed = std::fs::File::create(&log).unwrap();
    let watch = Command::new("docker")
        .args(["compose", "--project-name", system.name(), "--file"])
        .arg(file)
        .args(["watch", "--no-up", "--quiet", "links"])
        .stdout(printed.try_clone().unwrap())
        .stderr(printed)
        .process_group(0)
        .spawn()
        .unwrap();
    let mut watch = Group(watch);
    let log = || lines_of(&std::fs::read_to_string(&log).unwrap());
    eventually("it watches", BUDGET, || {
        let log = log();
        if log.contains("enabled") { Ok(()) } else { Err(log) }
    });

    let line = copy.path().join("links-api/src/health.rs");
    let text = std::fs::read_to_string(&line).unwrap();
    assert_eq!(text.matches("    \"alive\"\n").count(), 1);
    let text =
        text.replace("    \"alive\"\n", "    \"alive, and watched\"\n");
    std::fs::write(&line, text).unwrap();
    eventually("the change is served", REBUILD, || {
        match said().as_deref() {
            Some("alive, and watched") => Ok(()),
            _ => Err(log()),
        }
    });

    watch.signal("INT");
    let ended = watch.0.wait().unwrap();
    assert_eq!(said().as_deref(), Some("alive, and watched"));
    captured(
        "listings/21-containerization/system/captured/watch.txt",
        &format!("{}\nexit code {}", log(), ended.code().unwrap()),
    );
}

/// Longest that an image may take while others build.
const REBUILD: Duration = Duration::from_secs(900);

/// What a terminal shows: without what clears its line, and without
/// warnings about containers that are none of this.
fn lines_of(log: &str) -> String {
    let log = log.replace("\u{1b}[2K", "");
    let told = log
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("time="));
    told.collect::<Vec<_>>().join("\n")
}

/// What an engine's API answers.
fn get(
    system: &Project,
    service: &str,
    port: u16,
    path: &str,
) -> Value {
    let server = system.address(service, port);
    http(server, "GET", path, "")
        .and_then(|(_, _, body)| serde_json::from_str(&body).ok())
        .unwrap_or_default()
}

#[test]
fn passwords_are_in_files_and_the_database_is_out_of_reach() {
    let system = compose(FILE);
    for service in
        ["links", "resolver", "clicks", "postgres", "rabbitmq"]
    {
        let all = inspect(&system, service, "{{json .Config}}");
        assert!(
            !all.contains("for-development-only"),
            "{service}: {all}"
        );
    }
    // Bash opens connections by itself.
    let reach = |host: &str, port: u16| {
        let open = format!("</dev/tcp/{host}/{port}");
        let exec =
            ["exec", "--no-TTY", "rabbitmq", "bash", "-c", &open];
        system.call(&exec)
    };
    assert!(reach("resolver", 50051).status.success());
    let refused = reach("postgres", 5432);
    assert!(!refused.status.success(), "{refused:?}");
}

/// What clients see while a service is away, and that all is well when
/// it is back.
fn without(system: &Project, service: &str, ready: u16) -> String {
    let link = shorten(system);
    assert_eq!(status(system, &link), Some(307));
    let id = container(system, service);
    output(&["kill", "--signal=KILL", &id]);
    output(&["wait", &id]);
    becomes(system, "/readyz", ready);
    let alive = status(system, "/livez");
    let made = send(system, "POST", "/links", LINK).map(|a| a.0);
    let followed = status(system, &link);
    output(&["start", &id]);
    becomes(system, "/readyz", 200);
    // Once before, and once meanwhile if that was answered.
    counted(system, &link, 1 + u32::from(followed == Some(307)));
    let again = shorten(system);
    becomes(system, &again, 307);
    for program in PROGRAMS {
        let restarts = inspect(system, program, "{{.RestartCount}}");
        assert_eq!(restarts, "0", "{program} without {service}");
    }
    let word =
        |s: Option<u16>| s.map_or("none".into(), |s| s.to_string());
    format!(
        "{service:10} {:6} {ready:<7} {:12} {}",
        word(alive),
        word(made),
        word(followed)
    )
}

#[test]
fn each_service_in_turn_is_away_and_comes_back() {
    let system = compose(FILE);
    becomes(&system, "/readyz", 200);
    let mut lines = vec![format!(
        "{:10} {:6} {:7} {:12} {}",
        "away", "livez", "readyz", "POST /links", "GET /CODE"
    )];
    for (service, ready) in [
        ("postgres", 503),
        ("rabbitmq", 200),
        ("resolver", 503),
        ("clicks", 200),
    ] {
        lines.push(without(&system, service, ready));
    }
    captured(
        "listings/21-containerization/system/captured/away.txt",
        &lines.join("\n"),
    );
}
