//! Each engine that chapters talk to, used as a chapter would; and that nothing outlives its test.
//!
//! The images are optional: where one is absent its test fails, with the command that brings it.

mod common;

use std::process::Command;
use std::time::Duration;

use book_support::docker::{Build, output};
use book_support::engines::{
    ETCD, Engine, JAEGER_API, OTLP_HTTP, PROMETHEUS, RABBITMQ_API, RABBITMQ_METRICS, REGISTRY, etcd, jaeger, postgres,
    prometheus, rabbitmq, registry,
};
use book_support::eventually;
use common::{is_part, notes, run};
use serde_json::{Value, json};

/// Longest that an engine may take to show what it was given.
const SHOWN: Duration = Duration::from_secs(30);

/// A request that must be answered with 2xx; its JSON, or null where there is none.
#[track_caller]
fn ask(engine: &Engine, port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = engine.send(port, method, path, headers, &body).expect("an answer");
    assert!(
        (200..300).contains(&answer.status),
        "{method} {path}: {} {}",
        answer.status,
        answer.body
    );
    serde_json::from_str(&answer.body).unwrap_or(Value::Null)
}

#[test]
fn a_quorum_queue_of_rabbitmq_keeps_a_message() {
    let broker = rabbitmq();
    let guest = [("authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")];
    let call = |method, path, body| ask(&broker, RABBITMQ_API, method, path, &guest, &body);

    let quorum = json!({ "durable": true, "arguments": { "x-queue-type": "quorum" } });
    call("PUT", "/api/queues/%2f/orders", quorum);
    let message =
        json!({ "properties": {}, "routing_key": "orders", "payload": "one book", "payload_encoding": "string" });
    let sent = call("POST", "/api/exchanges/%2f/amq.default/publish", message);
    assert_eq!(sent, json!({ "routed": true }));
    let take = json!({ "count": 1, "ackmode": "ack_requeue_false", "encoding": "auto" });
    let taken = call("POST", "/api/queues/%2f/orders/get", take);
    assert_eq!(taken[0]["payload"], "one book");

    let metrics = broker.get(RABBITMQ_METRICS, "/metrics").expect("metrics").body;
    assert!(metrics.contains("rabbitmq_build_info"), "{metrics}");
    // The tools beside the broker find it.
    assert!(
        broker
            .output(&["rabbitmqctl", "list_queues", "--quiet"])
            .contains("orders\t0")
    );
}

#[test]
fn postgres_keeps_a_row() {
    let database = postgres();
    let psql = |sql: &str| {
        let user = ["--username=postgres", "--no-align", "--tuples-only", "--quiet"];
        database.output(&[&["psql"], &user[..], &["--command", sql]].concat())
    };
    psql("CREATE TABLE orders (id int PRIMARY KEY, title text); INSERT INTO orders VALUES (1, 'one book')");
    assert_eq!(psql("SELECT title FROM orders WHERE id = 1"), "one book");
    assert_eq!(psql("SELECT current_database()"), "postgres");

    // From outside, as from every address but the loopback's, a password is asked for.
    let login = |password: &str| {
        let psql = format!("PGPASSWORD={password} psql --host=$(hostname -i) --username=postgres --command='SELECT 1'");
        database.exec(&["sh", "-c", &psql])
    };
    assert!(login("postgres").status.success());
    let refused = String::from_utf8_lossy(&login("wrong").stderr).into_owned();
    assert!(refused.contains("password authentication failed"), "{refused}");
}

#[test]
fn jaeger_answers_with_the_span_that_it_was_sent() {
    let jaeger = jaeger();
    let trace = "5b8efff798038103d269b633813fc60c";
    let service = json!({ "key": "service.name", "value": { "stringValue": "shop" } });
    let span = json!({
        "traceId": trace, "spanId": "eee19b7ec3c1b174", "name": "pay", "kind": 2,
        "startTimeUnixNano": "1750000000000000000", "endTimeUnixNano": "1750000000250000000",
    });
    let spans = json!({ "resourceSpans": [{
        "resource": { "attributes": [service] },
        "scopeSpans": [{ "spans": [span] }],
    }] });
    ask(&jaeger, OTLP_HTTP, "POST", "/v1/traces", &[], &spans);

    let found = eventually("the trace", SHOWN, || {
        let answer = jaeger
            .get(JAEGER_API, &format!("/api/traces/{trace}"))
            .map_err(|e| e.to_string())?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(answer.body)
        }
    });
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let span = &found["data"][0]["spans"][0];
    assert_eq!(
        (&span["operationName"], &span["duration"]),
        (&json!("pay"), &json!(250_000))
    );
    let services = ask(&jaeger, JAEGER_API, "GET", "/api/services", &[], &Value::Null);
    assert_eq!(services["data"], json!(["shop"]));
}

const WATCHES_ITSELF: &str = "\
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: itself
    static_configs: [{ targets: ['localhost:9090'] }]
";

#[test]
fn prometheus_answers_a_query_and_leaves_no_volume() {
    let prometheus = prometheus(WATCHES_ITSELF);
    let value = eventually("an answer that is not empty", SHOWN, || {
        let path = "/api/v1/query?query=up%7Bjob%3D%22itself%22%7D";
        let answer = ask(&prometheus, PROMETHEUS, "GET", path, &[], &Value::Null);
        match answer["data"]["result"].get(0) {
            Some(row) => Ok(row["value"][1].clone()),
            None => Err(answer),
        }
    });
    assert_eq!(value, "1");
    let checked = prometheus.output(&["promtool", "check", "config", "/etc/prometheus/prometheus.yml"]);
    assert!(checked.contains("SUCCESS"), "{checked}");

    let format = r#"{{range .Mounts}}{{.Name}}{{end}}"#;
    let volume = output(&["inspect", "--format", format, prometheus.id()]);
    // It can be told from what another run has left.
    let labelled = || output(&["volume", "ls", "--quiet", "--filter", "label=book.test"]);
    assert!(labelled().contains(&volume));
    drop(prometheus);
    assert!(!labelled().contains(&volume));
}

#[test]
#[should_panic(expected = "prom/prometheus:v3.16.0 has ended")]
fn prometheus_refuses_what_is_no_configuration() {
    prometheus("scrape_configs: 1\n");
}

#[test]
fn etcd_gives_back_what_was_put() {
    let etcd = etcd();
    assert_eq!(etcd.output(&["etcdctl", "put", "/orders/1", "one book"]), "OK");
    assert_eq!(
        etcd.output(&["etcdctl", "get", "/orders/1", "--print-value-only"]),
        "one book"
    );
    // The same through its port: keys and values are base64.
    let key = json!({ "key": "L29yZGVycy8x" });
    let range = ask(&etcd, ETCD, "POST", "/v3/kv/range", &[], &key);
    assert_eq!(range["kvs"][0]["value"], "b25lIGJvb2s=");
}

/// A name that an image has on the engine until this is dropped.
struct Tag(String);

impl Drop for Tag {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["image", "rm", "--force", &self.0])
            .output();
    }
}

#[test]
fn a_registry_gives_back_the_image_that_was_pushed() {
    let registry = registry();
    let image = Build::of("ci/support/tests/fixture.Dockerfile", "ci/support/tests/fixture").run();
    let tag = Tag(format!("{}/books/tiny:1", registry.address(REGISTRY)));
    output(&["tag", image.tag(), &tag.0]);
    output(&["push", "--quiet", &tag.0]);
    let catalog = ask(&registry, REGISTRY, "GET", "/v2/_catalog", &[], &Value::Null);
    assert_eq!(catalog, json!({ "repositories": ["books/tiny"] }));

    let id = image.inspect("{{.Id}}");
    output(&["image", "rm", &tag.0]);
    drop(image);
    let there = || {
        Command::new("docker")
            .args(["image", "inspect", &tag.0])
            .output()
            .expect("docker")
            .status
            .success()
    };
    assert!(!there(), "the engine has it still");
    output(&["pull", "--quiet", &tag.0]);
    assert_eq!(output(&["image", "inspect", "--format", "{{.Id}}", &tag.0]), id);
    let kept = output(&["run", "--rm", "--network=none", &tag.0, "cat", "/fixture/kept.txt"]);
    assert_eq!(kept, "sent");

    let nothing = registry
        .get(REGISTRY, "/v2/books/other/manifests/1")
        .expect("an answer");
    assert_eq!(nothing.status, 404, "{}", nothing.body);
}

#[test]
fn part_starts_etcd() {
    if is_part() {
        assert!(etcd().logs().contains("ready to serve client requests"));
    }
}

#[test]
fn part_panics_with_etcd_running() {
    if is_part() {
        let _etcd = etcd();
        panic!("with an engine running");
    }
}

/// Containers of one run.
fn left(run: &str) -> String {
    output(&["ps", "--all", "--quiet", "--filter", &format!("label=book.test={run}")])
}

#[test]
fn what_truly_ran_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let id = format!("real-engines-{}", std::process::id());
    let variables = [("BOOK_NOTES", folder.path().to_str().unwrap()), ("BOOK_RUN", &id)];
    let out = run("part_starts_etcd", &variables);
    assert!(out.status.success(), "{out:?}");
    let versions: Vec<Value> = notes(folder.path()).iter().map(|n| n["version"].clone()).collect();
    let name = "quay.io/coreos/etcd:v3.6.16";
    let truth = book_support::docker::truth(name);
    assert_eq!(versions, [json!({ "name": name, "value": truth })]);
    assert_eq!(left(&id), "");
}

#[test]
fn a_test_that_panics_leaves_no_engine() {
    let id = format!("real-engines-panics-{}", std::process::id());
    let out = run("part_panics_with_etcd_running", &[("BOOK_RUN", &id)]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("with an engine running"), "{out:?}");
    assert_eq!(left(&id), "");
}

#[test]
fn an_absent_image_is_named_with_the_command_that_brings_it() {
    // An engine that is nowhere has no image at all.
    let out = run("part_starts_etcd", &[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(
        said.contains("no image quay.io/coreos/etcd:v3.6.16 on this engine")
            && said.contains("\n  fix: cargo book setup --image quay.io/coreos/etcd:v3.6.16"),
        "{said}"
    );
}
