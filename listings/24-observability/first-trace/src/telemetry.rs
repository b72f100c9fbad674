//! Where spans go, and that they get there before the program ends.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt, registry};

// ANCHOR: provider
/// Finished spans go, in batches, to the collector whose address is in
/// `OTEL_EXPORTER_OTLP_ENDPOINT`, or to port 4318 of this machine.
pub fn provider() -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let name = Resource::builder().with_service_name("resolver");
    Ok(SdkTracerProvider::builder()
        .with_resource(name.build())
        .with_batch_exporter(exporter)
        .build())
}
// ANCHOR_END: provider

// ANCHOR: install
/// Spans go to the provider, warnings to standard error.
pub fn install(
    provider: &SdkTracerProvider,
) -> Result<(), TryInitError> {
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("first-trace"))
        .with_filter(own());
    let log = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_filter(LevelFilter::WARN);
    registry().with(spans).with(log).try_init()
}
// ANCHOR_END: install

// ANCHOR: own
/// What this program does, and not what its libraries do: the client
/// that sends spans must not make spans.
fn own() -> Targets {
    Targets::new().with_target("first_trace", LevelFilter::INFO)
}
// ANCHOR_END: own

// ANCHOR: flush
/// Longest that a program waits for its collector before it ends.
const FLUSH: Duration = Duration::from_secs(1);

/// Sends what is left. The program has done its work: it does not
/// fail because a collector does.
pub fn flush(provider: &SdkTracerProvider) {
    if let Err(error) = provider.shutdown_with_timeout(FLUSH) {
        tracing::warn!(%error, "spans are lost");
    }
}
// ANCHOR_END: flush
