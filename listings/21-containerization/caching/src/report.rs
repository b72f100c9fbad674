//! The stream that `docker buildx build --progress=rawjson` writes. Each object holds what is new since the last one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

// ANCHOR: update
/// One object of the stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Update {
    /// Steps, as far as they are known by now. The name is BuildKit's.
    pub vertexes: Vec<Vertex>,
    /// What commands printed.
    pub logs: Vec<Log>,
}
// ANCHOR_END: update

// ANCHOR: vertex
/// A step. It is reported again whenever something of it changes.
#[derive(Debug, Deserialize)]
pub struct Vertex {
    /// By this it is known in the whole stream.
    pub digest: String,
    /// `[build 3/4] COPY . .`
    pub name: String,
    /// The steps that it stands on, by their digests.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Whether the engine took its result from the cache.
    #[serde(default)]
    pub cached: bool,
    /// Why it failed. Empty: it did not.
    #[serde(default)]
    pub error: String,
    /// When it began, if it has.
    pub started: Option<Timestamp>,
    /// When it was done, if it is.
    pub completed: Option<Timestamp>,
}
// ANCHOR_END: vertex

// ANCHOR: log
/// A piece of what a step's command printed.
#[derive(Debug, Deserialize)]
pub struct Log {
    /// The digest of the step.
    pub vertex: String,
    /// The piece. It may end in the middle of a line.
    #[serde(deserialize_with = "bytes")]
    pub data: Vec<u8>,
}

/// Bytes stand in JSON as Base64.
fn bytes<'de, D>(text: D) -> Result<Vec<u8>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(text)?;
    BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
}
// ANCHOR_END: log
