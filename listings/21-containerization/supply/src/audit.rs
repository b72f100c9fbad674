//! What a container was allowed, rule by rule.

use std::fmt;

use crate::inspect::{Container, Mount};

/// Something that a container may do and should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// What was seen.
    pub seen: String,
    /// What mends it, as an option of `docker run`.
    pub fix: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.rule, self.seen, self.fix)
    }
}

// ANCHOR: rules
/// What breaks a rule, if anything does.
type Broken = fn(&Container) -> Option<String>;

/// Each rule: its name, what breaks it, and what mends that.
pub const RULES: [(&str, Broken, &str); 8] = [
    ("user", user, "--user 65532:65532"),
    ("files", files, "--read-only, and --tmpfs for what it writes"),
    ("capabilities", capabilities, "--cap-drop ALL"),
    ("privileges", privileges, "--security-opt no-new-privileges"),
    ("system calls", system_calls, "leave the engine's filter on"),
    ("limits", limits, "--memory and --pids-limit"),
    ("the machine", machine, "give it a volume, and its own network"),
    ("secrets", secrets, "a file, and a variable that names it"),
];
// ANCHOR_END: rules

/// What a container may do and should not, in the order of the rules.
pub fn audit(container: &Container) -> Vec<Finding> {
    let finding = |&(rule, broken, fix): &(&'static str, Broken, _)| {
        let seen = broken(container)?;
        Some(Finding { rule, seen, fix })
    };
    RULES.iter().filter_map(finding).collect()
}

// ANCHOR: user
/// A name is not enough: it means what the image's /etc/passwd says.
fn user(container: &Container) -> Option<String> {
    let user = container.config.user.split(':').next()?;
    match user.parse::<u32>() {
        Ok(0) => Some("root".to_owned()),
        Ok(_) => None,
        Err(_) if user.is_empty() || user == "root" => {
            Some("root".to_owned())
        }
        Err(_) => Some(format!("{user}, which is no number")),
    }
}
// ANCHOR_END: user

fn files(container: &Container) -> Option<String> {
    let read_only = container.host_config.readonly_rootfs;
    (!read_only).then(|| "it may change its own program".to_owned())
}

fn capabilities(container: &Container) -> Option<String> {
    let host = &container.host_config;
    if host.privileged {
        return Some("all of them, by --privileged".to_owned());
    }
    let none = host.cap_drop.iter().any(|name| bare(name) == "ALL");
    let added: Vec<&str> =
        host.cap_add.iter().map(|name| bare(name)).collect();
    match (none, added.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("{} added", added.join(", "))),
        (false, true) => {
            Some("those that a root usually has".to_owned())
        }
        (false, false) => {
            Some(format!("a root's, and {}", added.join(", ")))
        }
    }
}

/// The engine takes both `NET_RAW` and `CAP_NET_RAW`.
fn bare(capability: &str) -> &str {
    capability.strip_prefix("CAP_").unwrap_or(capability)
}

fn privileges(container: &Container) -> Option<String> {
    let options = &container.host_config.security_opt;
    let kept = options.iter().any(|option| {
        matches!(
            option.as_str(),
            "no-new-privileges"
                | "no-new-privileges:true"
                | "no-new-privileges=true"
        )
    });
    (!kept).then(|| "a program of another user adds to them".to_owned())
}

fn system_calls(container: &Container) -> Option<String> {
    let host = &container.host_config;
    let options = host.security_opt.iter();
    let off = options
        .filter_map(|option| option.strip_prefix("seccomp"))
        .any(|rest| matches!(rest, "=unconfined" | ":unconfined"));
    (off || host.privileged).then(|| "all that Linux has".to_owned())
}

fn limits(container: &Container) -> Option<String> {
    let host = &container.host_config;
    let memory = (host.memory <= 0).then_some("memory");
    let processes = host.pids_limit.is_none_or(|most| most <= 0);
    let processes = processes.then_some("processes");
    let all: Vec<_> =
        [memory, processes].into_iter().flatten().collect();
    (!all.is_empty()).then(|| format!("no limit of {}", all.join(", ")))
}

/// What it reaches of the machine that it runs on.
fn machine(container: &Container) -> Option<String> {
    let host = &container.host_config;
    let shared = [
        (&host.network_mode, "the machine's network"),
        (&host.pid_mode, "the machine's processes"),
    ];
    let shared = shared.into_iter().filter(|(mode, _)| *mode == "host");
    let mut seen: Vec<_> =
        shared.map(|(_, what)| what.to_owned()).collect();
    seen.extend(container.mounts.iter().filter_map(reach));
    (!seen.is_empty()).then(|| seen.join(", "))
}

fn reach(mount: &Mount) -> Option<String> {
    let socket = mount.source.ends_with(".sock");
    let bind = mount.kind == "bind" && mount.writable;
    // Read-only or not, a socket takes commands.
    (socket || bind).then(|| mount.source.clone())
}

/// Words in the name of a variable whose value nobody should see. A
/// name that ends in `_FILE` says where the value is.
const SECRET: [&str; 4] =
    ["PASSWORD", "SECRET", "TOKEN", "PRIVATE_KEY"];

// ANCHOR: secrets
/// Names alone: a finding must not show what it is about.
fn secrets(container: &Container) -> Option<String> {
    let names = container.config.env.iter();
    let names = names.filter_map(|line| line.split_once('='));
    let told: Vec<&str> = names
        .filter(|(name, value)| is_secret(name) || has_password(value))
        .map(|(name, _)| name)
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}
// ANCHOR_END: secrets

fn is_secret(name: &str) -> bool {
    !name.ends_with("_FILE")
        && SECRET.iter().any(|word| name.contains(word))
}

/// `postgres://links:password@database/links`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Container {
        let text = r#"{
            "Name": "/links-api",
            "Config": { "User": "", "Env": null },
            "HostConfig": {
                "Privileged": false, "ReadonlyRootfs": false,
                "CapAdd": null, "CapDrop": null, "SecurityOpt": null,
                "Memory": 0, "PidsLimit": null,
                "NetworkMode": "default", "PidMode": ""
            },
            "Mounts": []
        }"#;
        serde_json::from_str(text).unwrap()
    }

    fn closed() -> Container {
        let mut container = open();
        container.config.user = "65532:65532".to_owned();
        let host = &mut container.host_config;
        host.readonly_rootfs = true;
        host.cap_drop = vec!["ALL".to_owned()];
        host.security_opt = vec!["no-new-privileges".to_owned()];
        host.memory = 16 << 20;
        host.pids_limit = Some(64);
        container
    }

    #[test]
    fn a_container_as_it_comes_breaks_five_rules() {
        let rules: Vec<_> =
            audit(&open()).iter().map(|found| found.rule).collect();
        let broken =
            ["user", "files", "capabilities", "privileges", "limits"];
        assert_eq!(rules, broken);
        assert_eq!(audit(&closed()), []);
    }

    #[test]
    fn each_rule_is_broken_alone() {
        type Change = fn(&mut Container);
        let changes: [(Change, &str); 18] = [
            (|c| c.config.user.clear(), "user: root"),
            (|c| c.config.user = "0:65532".into(), "user: root"),
            (|c| c.config.user = "root".into(), "user: root"),
            (|c| c.config.user = "links".into(), "user: links, which"),
            (|c| c.host_config.readonly_rootfs = false, "files: "),
            (|c| c.host_config.cap_drop.clear(), "capabilities: those"),
            (
                |c| c.host_config.cap_add.push("CAP_CHOWN".into()),
                "capabilities: CHOWN added",
            ),
            (
                |c| {
                    c.host_config.cap_drop.clear();
                    c.host_config.cap_add.push("NET_ADMIN".into());
                },
                "capabilities: a root's, and NET_ADMIN",
            ),
            (|c| c.host_config.security_opt.clear(), "privileges: "),
            (
                |c| {
                    let options = &mut c.host_config.security_opt;
                    options.push("seccomp=unconfined".into());
                },
                "system calls: ",
            ),
            (
                |c| c.host_config.memory = 0,
                "limits: no limit of memory",
            ),
            (
                |c| c.host_config.pids_limit = Some(-1),
                "limits: no limit of processes",
            ),
            (
                |c| c.host_config.network_mode = "host".into(),
                "the machine: the machine's network",
            ),
            (
                |c| c.host_config.pid_mode = "host".into(),
                "the machine: the machine's processes",
            ),
            (
                |c| c.mounts.push(bind("/etc", true)),
                "the machine: /etc",
            ),
            (
                |c| c.mounts.push(bind("/run/docker.sock", false)),
                "the machine: /run/docker.sock",
            ),
            (
                |c| c.config.env.push("API_TOKEN=t".into()),
                "secrets: API_TOKEN;",
            ),
            (
                |c| {
                    c.config
                        .env
                        .push("URL=amqp://a:b@broker/%2f".into())
                },
                "secrets: URL;",
            ),
        ];
        for (change, words) in changes {
            let mut container = closed();
            change(&mut container);
            let found = audit(&container);
            let said: Vec<_> =
                found.iter().map(ToString::to_string).collect();
            assert_eq!(said.len(), 1, "{words} {said:?}");
            assert!(said[0].starts_with(words), "{words} {said:?}");
        }
    }

    #[test]
    fn privileged_breaks_two_rules_whatever_else_is_said() {
        let mut container = closed();
        container.host_config.privileged = true;
        let rules: Vec<_> =
            audit(&container).iter().map(|found| found.rule).collect();
        assert_eq!(rules, ["capabilities", "system calls"]);
    }

    #[test]
    fn what_is_harmless_is_not_found() {
        let mut container = closed();
        container.mounts.push(bind("/srv/pages", false));
        container.mounts.push(Mount {
            kind: "volume".to_owned(),
            ..bind("/var/lib/volumes/links", true)
        });
        let harmless = [
            "DATABASE_PASSWORD_FILE=/run/secrets/database",
            "DATABASE_URL=postgres://links@database/links",
            "PATH=/bin",
            "LINKS_LISTEN",
        ];
        container.config.env = harmless.map(str::to_owned).to_vec();
        assert_eq!(audit(&container), []);
    }

    fn bind(source: &str, writable: bool) -> Mount {
        Mount {
            kind: "bind".to_owned(),
            source: source.to_owned(),
            writable,
        }
    }
}
