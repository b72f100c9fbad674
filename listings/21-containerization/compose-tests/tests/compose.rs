//! The whole system, brought up by Compose: what it does, and what it does while a part of it is away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use book_support::compose::{Project, compose, compose_with};
use book_support::docker::{Build, output};
use book_support::{captured, eventually};

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
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let length = body.len();
    // In the older version no answer comes in chunks.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: t\r\n\
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
fn one_request_leaves_a_row_a_message_and_a_trace() {
    let observed = [("OTLP", "http://jaeger:4318")];
    let system = compose_with(FILE, &["observe"], &observed);
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

    // Which programs took part in the trace of one click.
    let seen = eventually("a trace is complete", BUDGET, || {
        send(&system, "GET", &link, "");
        let traces =
            jaeger(&system, "/api/traces?service=links-connected");
        let mut most = Vec::new();
        for trace in traces["data"].as_array().into_iter().flatten() {
            let processes = trace["processes"].as_object();
            let mut names: Vec<String> = processes
                .into_iter()
                .flat_map(|processes| processes.values())
                .filter_map(|process| process["serviceName"].as_str())
                .map(str::to_owned)
                .collect();
            names.sort();
            names.dedup();
            if names.len() > most.len() {
                most = names;
            }
        }
        if most.len() == PROGRAMS.len() { Ok(most) } else { Err(most) }
    });
    assert_eq!(seen, ["clicks", "links-connected", "resolver"]);

    let query = "/api/v1/query?query=up%7Bjob%3D%22rabbitmq%22%7D";
    eventually("Prometheus has asked the broker", BUDGET, || {
        let answer = get(&system, "prometheus", 9090, query);
        match answer["data"]["result"][0]["value"][1].as_str() {
            Some("1") => Ok(()),
            _ => Err(answer),
        }
    });
}

fn jaeger(system: &Project, path: &str) -> serde_json::Value {
    get(system, "jaeger", 16686, path)
}

/// What an engine's API answers.
fn get(
    system: &Project,
    service: &str,
    port: u16,
    path: &str,
) -> serde_json::Value {
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
