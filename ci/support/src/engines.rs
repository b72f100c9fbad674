//! The real engines that chapters talk to, each in a container of its own that is removed when its value is dropped,
//! also when the test panics.
//!
//! An engine is ready when its function comes back. Its ports are reached on 127.0.0.1, at a port that the Docker
//! engine chose. What truly ran is noted: where no registry is in reach, a stand-in built from packages.
//!
//! ```no_run
//! use book_support::engines::{self, AMQP};
//!
//! let broker = engines::rabbitmq();
//! let url = format!("amqp://guest:guest@{}/%2f", broker.address(AMQP));
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use testcontainers::bollard::models::{Mount, MountTypeEnum, MountVolumeOptions};
use testcontainers::core::{Host, IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, ContainerRequest, GenericImage, ImageExt};

use crate::docker::{Answer, docker, http, output, run_id, tail, truth};
use crate::faults::Faults;
use crate::{eventually, evidence};

/// RabbitMQ's port for AMQP 0.9.1 and 1.0.
pub const AMQP: u16 = 5672;
/// RabbitMQ's management pages and HTTP API.
pub const RABBITMQ_API: u16 = 15672;
/// RabbitMQ's metrics, for Prometheus.
pub const RABBITMQ_METRICS: u16 = 15692;
/// PostgreSQL's port.
pub const POSTGRES: u16 = 5432;
/// Jaeger's port for spans by OTLP over gRPC.
pub const OTLP_GRPC: u16 = 4317;
/// Jaeger's port for spans by OTLP over HTTP.
pub const OTLP_HTTP: u16 = 4318;
/// Jaeger's API for what it has stored.
pub const JAEGER_API: u16 = 16686;
/// Prometheus's port.
pub const PROMETHEUS: u16 = 9090;
/// etcd's port for clients.
pub const ETCD: u16 = 2379;
/// The registry's port, plain HTTP.
pub const REGISTRY: u16 = 5000;

/// What RabbitMQ says when it takes connections.
const RABBITMQ_READY: &str = "Server startup complete; 4 plugins started.";

/// Where Jaeger tells its health.
const JAEGER_HEALTH: u16 = 13133;

/// Longest that an engine may take from its start until it is ready. A broker takes 5 s on an idle machine.
const START: Duration = Duration::from_secs(120);

/// An engine that runs, and is removed when dropped.
pub struct Engine {
    name: &'static str,
    running: Container<GenericImage>,
    up: Up,
}

/// Whether an engine does what it is for; if not, why.
type Up = fn(&Engine) -> Result<(), String>;

/// RabbitMQ with its management and Prometheus plug-ins. The user `guest` has the password `guest`.
///
/// # Panics
/// When the image is absent, with the command that brings it; when the broker does not become ready, with its last
/// log lines.
#[track_caller]
pub fn rabbitmq() -> Engine {
    let name = "rabbitmq:4-management";
    let ready = WaitFor::message_on_stdout(RABBITMQ_READY);
    let ports = [AMQP, RABBITMQ_API, RABBITMQ_METRICS];
    start(name, &ports, Some(ready), |e| e.said_since_start(RABBITMQ_READY), |r| r)
}

/// PostgreSQL. The user `postgres` has the password `postgres` and an empty database of that name.
///
/// # Panics
/// As [`rabbitmq`].
#[track_caller]
pub fn postgres() -> Engine {
    // The server that the image runs meanwhile, to make the database, is no answer: it listens on no network.
    let made = WaitFor::message_on_stdout("PostgreSQL init process complete; ready for start up.");
    let up: Up = |engine| {
        let out = engine.exec(&["pg_isready", "--host=127.0.0.1"]);
        match out.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&out.stdout).into_owned()),
        }
    };
    let engine = start("postgres:17", &[POSTGRES], Some(made), up, |r| {
        r.with_env_var("POSTGRES_PASSWORD", "postgres")
    });
    engine.is_up("accepts connections");
    engine
}

/// Jaeger, which keeps what it is sent in memory.
///
/// # Panics
/// As [`rabbitmq`].
#[track_caller]
pub fn jaeger() -> Engine {
    let ports = [OTLP_GRPC, OTLP_HTTP, JAEGER_API, JAEGER_HEALTH];
    let up: Up = |e| {
        e.answers(JAEGER_HEALTH, "/status")?;
        e.answers(JAEGER_API, "/api/services")
    };
    let engine = start("jaegertracing/jaeger:2.0.0-rc2", &ports, None, up, |r| r);
    engine.is_up("answers");
    engine
}

/// Prometheus with this configuration, the text of its `prometheus.yml`. It reaches a server of the test by the name
/// `host.docker.internal`, if that server listens on more than the loopback.
///
/// # Panics
/// As [`rabbitmq`]; also when Prometheus refuses the configuration.
#[track_caller]
pub fn prometheus(config: &str) -> Engine {
    let config = config.as_bytes().to_vec();
    let up: Up = |e| e.answers(PROMETHEUS, "/-/ready");
    let engine = start("prom/prometheus:v3.16.0", &[PROMETHEUS], None, up, |r| {
        r.with_copy_to("/etc/prometheus/prometheus.yml", config)
            .with_host("host.docker.internal", Host::HostGateway)
    });
    engine.is_up("answers");
    engine
}

/// One node of etcd, which takes plain connections from everywhere.
///
/// # Panics
/// As [`rabbitmq`].
#[track_caller]
pub fn etcd() -> Engine {
    let up: Up = |e| e.answers(ETCD, "/health");
    let engine = start("quay.io/coreos/etcd:v3.6.16", &[ETCD], None, up, |r| {
        r.with_cmd([
            "/usr/local/bin/etcd",
            "--listen-client-urls=http://0.0.0.0:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
        ])
    });
    engine.is_up("answers");
    engine
}

/// A registry of images, empty, without a login. Docker takes plain HTTP from the loopback: what is called
/// `127.0.0.1:PORT/NAME`, after [`Engine::address`], can be pushed to it and pulled from it.
///
/// # Panics
/// As [`rabbitmq`].
#[track_caller]
pub fn registry() -> Engine {
    let up: Up = |e| e.answers(REGISTRY, "/v2/");
    let engine = start("registry:2.8", &[REGISTRY], None, up, |r| r);
    engine.is_up("answers");
    engine
}

#[track_caller]
fn start(
    name: &'static str,
    ports: &[u16],
    ready: Option<WaitFor>,
    up: Up,
    change: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
) -> Engine {
    // Asked first: otherwise a pull that nobody asked for would begin, or fail without a word of the set-up.
    let there = docker(&["image", "inspect", "--format", "{{.Id}}", name]);
    assert!(
        there.status.success(),
        "no image {name} on this engine: {}\n  fix: cargo book setup --image {name}",
        String::from_utf8_lossy(&there.stderr).trim()
    );
    let (repository, tag) = name.rsplit_once(':').expect("an image of the book has a tag");
    let mut image = GenericImage::new(repository, tag);
    for port in ports {
        image = image.with_exposed_port(port.tcp());
    }
    if let Some(ready) = ready {
        image = image.with_wait_for(ready);
    }
    let volumes = volumes(name);
    let request = image
        .with_label("book.test", run_id())
        .with_startup_timeout(START)
        .with_host_config_modifier(move |host| host.mounts.get_or_insert_default().extend(volumes.clone()));
    let running = change(request)
        .start()
        .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
    evidence::version(name, &truth(name));
    Engine { name, running, up }
}

/// The volumes that an image asks for, with a label: without one, a run beside this one would take them for something
/// that it has left behind. They have no name, and so they go with their container.
fn volumes(name: &str) -> Vec<Mount> {
    let asked = output(&["image", "inspect", "--format", "{{json .Config.Volumes}}", name]);
    let asked: Option<BTreeMap<String, Value>> = serde_json::from_str(&asked).expect("Docker writes JSON");
    let labelled = MountVolumeOptions {
        labels: Some(HashMap::from([("book.test".to_owned(), run_id())])),
        ..MountVolumeOptions::default()
    };
    let mount = |path| Mount {
        target: Some(path),
        typ: Some(MountTypeEnum::VOLUME),
        volume_options: Some(labelled.clone()),
        ..Mount::default()
    };
    asked.unwrap_or_default().into_keys().map(mount).collect()
}

impl Engine {
    /// Its container's id.
    pub fn id(&self) -> &str {
        self.running.id()
    }

    /// Where one of its ports is reached: always 127.0.0.1, whatever the Docker engine's host is called.
    ///
    /// # Panics
    /// When the engine has no such port.
    #[track_caller]
    pub fn address(&self, port: u16) -> SocketAddr {
        self.published(port).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// The same; an error for one that has ended, too, as its ports are gone with it.
    fn published(&self, port: u16) -> std::io::Result<SocketAddr> {
        let published = self.running.get_host_port_ipv4(port).map_err(std::io::Error::other)?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, published)))
    }

    /// A GET.
    pub fn get(&self, port: u16, path: &str) -> std::io::Result<Answer> {
        self.send(port, "GET", path, &[], "")
    }

    /// Any request; a body is sent as JSON.
    pub fn send(
        &self,
        port: u16,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> std::io::Result<Answer> {
        http::send(self.published(port)?, method, path, headers, body)
    }

    /// Runs a program inside the container.
    pub fn exec(&self, command: &[&str]) -> Output {
        docker(&[&["exec", self.id()], command].concat())
    }

    /// What a program inside the container prints on standard output, trimmed.
    ///
    /// # Panics
    /// When it fails, with what it said.
    #[track_caller]
    pub fn output(&self, command: &[&str]) -> String {
        let out = self.exec(command);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{} in {}: {said}", command.join(" "), self.name);
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Both outputs so far.
    pub fn logs(&self) -> String {
        let out = docker(&["logs", self.id()]);
        [out.stdout, out.stderr]
            .map(|o| String::from_utf8_lossy(&o).into_owned())
            .concat()
    }

    /// Whether a path of a port answers 200.
    fn answers(&self, port: u16, path: &str) -> Result<(), String> {
        match self.get(port, path) {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{path}: {} {}", answer.status, answer.body)),
            Err(e) => Err(format!("{path}: {e}")),
        }
    }

    /// Whether these words are in its log since it was last started.
    fn said_since_start(&self, words: &str) -> Result<(), String> {
        let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", self.id()]);
        let started = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        let log = docker(&["logs", "--since", &started, self.id()]);
        match String::from_utf8_lossy(&log.stdout).contains(words) {
            true => Ok(()),
            false => Err(format!("it has not said {words:?} since {started}")),
        }
    }

    /// Waits until it is up. One that has ended is not waited for.
    #[track_caller]
    fn is_up(&self, what: &str) {
        eventually(&format!("{} {what}", self.name), START, || {
            let refused = match (self.up)(self) {
                Ok(()) => return Ok(()),
                Err(why) => Refused { engine: self, why },
            };
            // An engine that refuses its configuration ends at once.
            assert!(
                self.running.is_running().unwrap_or(false),
                "{} has ended: {refused:?}",
                self.name
            );
            Err(refused)
        });
    }
}

impl Faults for Engine {
    fn id(&self) -> &str {
        self.running.id()
    }

    fn ready(&self) -> Result<(), String> {
        (self.up)(self)
    }
}

/// Why an engine is not ready. Its log is asked for when somebody wants to read it.
struct Refused<'a> {
    engine: &'a Engine,
    why: String,
}

impl fmt::Debug for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; its log:\n{}", self.why, tail(&self.engine.logs(), 20))
    }
}
