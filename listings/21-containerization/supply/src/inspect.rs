//! What `docker inspect` says of a container, as far as rules read it.

use serde::{Deserialize, Deserializer};

/// One container.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its name, behind a slash.
    pub name: String,
    /// What the image and the command line say of the program.
    pub config: Config,
    /// What the engine was asked to allow.
    pub host_config: HostConfig,
    /// What it sees of the machine.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub mounts: Vec<Mount>,
}

/// What runs, and as whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// `user` or `user:group`, as names or numbers; empty for root.
    pub user: String,
    /// `NAME=value`, a variable each.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub env: Vec<String>,
}

/// The limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostConfig {
    /// Nearly no limit at all.
    pub privileged: bool,
    /// No file of the image can be changed.
    pub readonly_rootfs: bool,
    /// Capabilities that are given beside the usual ones.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub cap_add: Vec<String>,
    /// Capabilities that are taken away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub cap_drop: Vec<String>,
    /// `no-new-privileges`, `seccomp=unconfined` and the like.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub security_opt: Vec<String>,
    /// In bytes; 0 for no limit.
    pub memory: i64,
    /// How many processes and threads; absent, 0 or less for no limit.
    pub pids_limit: Option<i64>,
    /// `host` for the machine's own network.
    pub network_mode: String,
    /// `host` for the machine's own processes.
    pub pid_mode: String,
}

/// A folder or a file from outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mount {
    /// `bind` for a path of the machine, `volume`, `tmpfs`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The path on the machine.
    #[serde(default)]
    pub source: String,
    /// Whether the container may write there.
    #[serde(rename = "RW")]
    pub writable: bool,
}

/// The engine writes `null` for a list without anything in it.
fn null_is_empty<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(input).map(Option::unwrap_or_default)
}
