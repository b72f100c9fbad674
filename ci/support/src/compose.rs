//! Compose files that pages show, brought up as a project of the test's own.
//!
//! The services are the file's; what would meet a second run of it is not. The project has a name of its own,
//! published ports are those that the engine chooses, on 127.0.0.1, and containers, networks and volumes carry the
//! label `book.test`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};

use crate::docker::{docker, run_id, tail, truth};
use crate::{evidence, root};

/// A project that runs, and is taken down with its volumes when dropped, also when the test panics.
pub struct Project {
    name: String,
    /// The file as it was brought up.
    file: tempfile::NamedTempFile,
}

/// Lets Compose check a file of the book, brings it up, and waits until its services run and are healthy; notes it as
/// brought up.
///
/// # Panics
/// When Compose refuses the file, or a service does not come up: with what it said, and its last log lines.
#[track_caller]
pub fn compose(path: &str) -> Project {
    compose_with(path, &[], &[])
}

/// As [`compose`], with these profiles of the file, and with these variables for it to read.
///
/// # Panics
/// As [`compose`].
#[track_caller]
pub fn compose_with(path: &str, profiles: &[&str], variables: &[(&str, &str)]) -> Project {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let hash = evidence::hash(path);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("book-{}-{count}", run_id()).to_lowercase();
    let config = |flags: &[&str]| {
        let profiles = profiles.iter().flat_map(|profile| ["--profile", profile]);
        Command::new("docker")
            .args(["compose", "--project-name", &name, "--file"])
            .arg(root().join(path))
            .args(profiles)
            .arg("config")
            .args(flags)
            .envs(variables.iter().copied())
            .output()
            .unwrap_or_else(|e| panic!("docker does not start: {e}\n  fix: cargo book setup --lane docker"))
    };
    let checked = config(&["--quiet"]);
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{path}: docker compose config says:\n{said}");
    let mut config: Value = serde_json::from_slice(&config(&["--format=json"]).stdout).expect("Compose writes JSON");
    make_own(&mut config, &run_id());

    let file = tempfile::Builder::new().suffix(".json").tempfile();
    let file = file.expect("a temporary file");
    std::fs::write(file.path(), config.to_string()).expect("a temporary file");
    // From here on what was begun is undone.
    let project = Project { name, file };
    let up = project.call(&["up", "--detach", "--wait", "--quiet-pull"]);
    assert!(
        up.status.success(),
        "{path} does not come up:\n{}\nits log:\n{}",
        tail(&String::from_utf8_lossy(&up.stderr), 20),
        tail(&project.logs(), 40)
    );
    evidence::note_hashed("brought up", path, &hash, "");
    for service in config["services"].as_object().into_iter().flat_map(Map::values) {
        if let Some(image) = service["image"].as_str().filter(|_| service["build"].is_null()) {
            evidence::version(image, &truth(image));
        }
    }
    project
}

/// Changes a configuration, as Compose resolves it, so that it meets nobody.
fn make_own(config: &mut Value, run: &str) {
    let label = |part: &mut Value| {
        // A network or volume without options is null.
        if part.is_null() {
            *part = json!({});
        }
        if part.get("external") != Some(&Value::Bool(true)) {
            part["labels"]["book.test"] = run.into();
        }
    };
    // Asked for by `get_mut`: an index would add what is absent.
    for kind in ["networks", "volumes"] {
        if let Some(parts) = config.get_mut(kind).and_then(Value::as_object_mut) {
            parts.values_mut().for_each(label);
        }
    }
    let Some(services) = config.get_mut("services").and_then(Value::as_object_mut) else {
        return;
    };
    for service in services.values_mut() {
        label(service);
        if let Some(service) = service.as_object_mut() {
            service.remove("container_name");
            // Those of profiles that were not asked for are gone by now.
            service.remove("profiles");
        }
        // Images are brought by the set-up; a pull that nobody asked for would only hide that one is missing.
        if service.get("build").is_none() {
            service["pull_policy"] = "never".into();
        } else {
            label(&mut service["build"]);
        }
        let ports = service.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten() {
            port["published"] = "0".into();
            port["host_ip"] = "127.0.0.1".into();
        }
    }
}

impl Project {
    /// Its name: the first part of its containers' names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a published port of a service is reached, on 127.0.0.1.
    ///
    /// # Panics
    /// When the file publishes no such port.
    #[track_caller]
    pub fn address(&self, service: &str, port: u16) -> SocketAddr {
        let out = self.call(&["port", service, &port.to_string()]);
        let said = String::from_utf8_lossy(&out.stdout);
        let published = said.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        match published.filter(|port| out.status.success() && *port != 0) {
            Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            None => panic!(
                "{service} publishes no port {port}: {}",
                String::from_utf8_lossy(&out.stderr).trim()
            ),
        }
    }

    /// Both outputs so far of all services, each line behind the name of its container.
    pub fn logs(&self) -> String {
        let out = self.call(&["logs", "--no-color"]);
        [out.stdout, out.stderr]
            .map(|o| String::from_utf8_lossy(&o).into_owned())
            .concat()
    }

    /// `docker compose` with any other words, as in `&["stop", "clicks"]`.
    pub fn call(&self, args: &[&str]) -> Output {
        let file = self.file.path();
        let folder = file.parent().unwrap_or(Path::new("/"));
        let first = [
            "compose",
            "-f",
            &file.to_string_lossy(),
            // Paths in the file are absolute by now.
            "--project-directory",
            &folder.to_string_lossy(),
            "--project-name",
            &self.name,
        ]
        .map(str::to_owned);
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        docker(&[&first, args].concat())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let down = ["down", "--volumes", "--remove-orphans", "--rmi=local", "--timeout=5"];
        let out = self.call(&down);
        if !out.status.success() {
            // A panic here would end the program while another one is under way.
            eprintln!("{}: {}", self.name, String::from_utf8_lossy(&out.stderr));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_meet_another_run_is_changed_and_the_rest_is_not() {
        let mut config = json!({
            "services": {
                "api": {
                    "image": "api:1", "container_name": "api", "command": ["serve"], "profiles": ["all"],
                    "ports": [{ "mode": "ingress", "target": 8080, "published": "8080", "protocol": "tcp" }],
                },
                "clicks": { "build": { "context": "/book" }, "labels": { "own": "kept" } },
            },
            "networks": { "default": null, "shared": { "external": true } },
        });
        make_own(&mut config, "run");
        let label = json!({ "book.test": "run" });
        assert_eq!(
            config,
            json!({
                "services": {
                    "api": {
                        "image": "api:1", "command": ["serve"], "labels": label, "pull_policy": "never", "ports": [{
                            "mode": "ingress", "target": 8080, "published": "0", "protocol": "tcp",
                            "host_ip": "127.0.0.1",
                        }],
                    },
                    "clicks": {
                        "build": { "context": "/book", "labels": label },
                        "labels": { "own": "kept", "book.test": "run" },
                    },
                },
                "networks": { "default": { "labels": label }, "shared": { "external": true } },
            })
        );
    }
}
