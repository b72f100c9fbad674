//! What the tests share.

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The link that the store knows.
pub const KNOWN: &str = "VcdWRhe";

/// A file of this listing that a check writes.
pub fn file(name: &str) -> String {
    format!("listings/24-observability/first-trace/captured/{name}.txt")
}

/// Runs a program with a link; its spans go to this collector.
pub fn run(program: &str, code: &str, collector: &str) -> Output {
    Command::new(program)
        .arg(code)
        .env_remove("RUST_BACKTRACE")
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{collector}"),
        )
        .output()
        .expect("the program starts")
}

/// What it printed on standard output and on standard error.
pub fn printed(output: &Output) -> (String, String) {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .into()
}

/// An exporter that keeps what it is given.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("no test panics in here").extend(batch);
        Ok(())
    }
}

impl Kept {
    /// The names of the spans so far, in the order of their ends.
    pub fn names(&self) -> Vec<String> {
        let spans = self.0.lock().expect("no test panics in here");
        spans.iter().map(|span| span.name.to_string()).collect()
    }

    /// Whether the second span so far is the parent of the first.
    pub fn second_is_parent(&self) -> bool {
        let spans = self.0.lock().expect("no test panics in here");
        spans[0].parent_span_id == spans[1].span_context.span_id()
    }
}
