//! Logs for people, spans for a collector.
//!
//! Logs are JSON, one object a line on standard output: the platform
//! collects them. Spans leave by OTLP over HTTP, and only when somebody
//! said where to: a program without a collector pays for none.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{
    ExporterBuildError, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{Targets, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::Level;

// ANCHOR: settings
/// What an operator can set of it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The least severe level that is logged.
    pub log: Level,
    /// The collector that takes spans by OTLP over HTTP, without a
    /// path: `http://jaeger:4318`.
    pub otlp: Option<String>,
}
// ANCHOR_END: settings

/// Why telemetry does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The collector's address is none.
    #[error(
        "spans cannot be sent to {0:?}; an address is like http://jaeger:4318"
    )]
    Address(String),
    /// The exporter cannot be made.
    #[error("spans cannot be sent: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// Something else has started telemetry in this process.
    #[error("telemetry runs already")]
    Twice(#[from] TryInitError),
}

/// Telemetry that runs until the process ends.
#[derive(Debug)]
#[must_use = "spans of the last seconds are lost without a flush"]
pub struct Telemetry {
    /// Without a collector there is none.
    provider: Option<SdkTracerProvider>,
}

// ANCHOR: start
/// Starts telemetry for the whole process. `name` is what a collector
/// shows, and the name of the program's own crate.
///
/// # Errors
/// When the collector's address is none, and at the second call.
pub fn start(
    name: &'static str,
    settings: &Settings,
) -> Result<Telemetry, StartError> {
    let otlp = settings.otlp.as_deref();
    let provider = otlp.map(|to| provider(name, to)).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(name))
            .with_filter(each_time(own(name, LevelFilter::INFO)))
    });
    let log = fmt::layer().json().flatten_event(true);
    let log = log.with_span_list(false).with_filter(each_time(
        own(name, settings.log.0)
            .with_default(settings.log.0.min(LevelFilter::WARN)),
    ));
    registry().with(spans).with(log).try_init()?;
    Ok(Telemetry { provider })
}
// ANCHOR_END: start

// ANCHOR: own
/// What the system's programs do, and not what their libraries do: the
/// client that sends spans must not make spans of its own.
fn own(name: &str, level: LevelFilter) -> Targets {
    // A target matches what begins with it: `links` is `links_api` too.
    Targets::new()
        .with_target(name.replace('-', "_"), level)
        .with_target("links", level)
        .with_target("service", level)
}
// ANCHOR_END: own

// ANCHOR: each-time
/// Decides anew for each span and event. Where a decision is kept, a
/// span may get another's: a library that asks whether it may log, and
/// says nothing, leaves its answer to what comes next. See
/// <https://github.com/tokio-rs/tracing/issues/2519>.
fn each_time<S: Subscriber>(targets: Targets) -> impl Filter<S> {
    let most = Filter::<S>::max_level_hint(&targets);
    dynamic_filter_fn(move |metadata, _| {
        targets.would_enable(metadata.target(), metadata.level())
    })
    .with_max_level_hint(most.unwrap_or(LevelFilter::TRACE))
}
// ANCHOR_END: each-time

/// Longest that one batch of spans is sent again and again.
const PATIENCE: Duration = Duration::from_secs(10);

// ANCHOR: provider
/// Finished spans go to the collector in batches, from a thread that
/// has nothing to do with the program's runtime.
fn provider(
    name: &'static str,
    to: &str,
) -> Result<SdkTracerProvider, StartError> {
    if !to.starts_with("http://") || to.len() == "http://".len() {
        return Err(StartError::Address(to.to_owned()));
    }
    let path = format!("{}/v1/traces", to.trim_end_matches('/'));
    // A collector may start later than the program.
    let again = RetryPolicy::recommended().with_max_retries(100);
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(path)
        .with_timeout(PATIENCE)
        .with_retry_policy(again);
    let resource = Resource::builder().with_service_name(name).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter.build()?)
        .build())
}
// ANCHOR_END: provider

/// Longest that a program waits for its collector before it ends.
const FLUSH: Duration = Duration::from_secs(1);

impl Telemetry {
    // ANCHOR: flush
    /// Sends the spans that are left; waits a second at most. The work
    /// is done: a program does not fail because its collector does.
    pub fn flush(self) {
        let Some(provider) = self.provider else { return };
        if let Err(error) = provider.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "spans are lost");
        }
    }
    // ANCHOR_END: flush
}

/// The header, of HTTP, gRPC and AMQP alike, that carries a span's name
/// to the next program; W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

// ANCHOR: traceparent
/// The current span, as the next program is told of it. Nothing, when
/// spans go nowhere.
pub fn traceparent() -> Option<String> {
    let mut headers = HashMap::new();
    let here = Span::current().context();
    TraceContextPropagator::new().inject_context(&here, &mut headers);
    headers.remove(TRACEPARENT)
}

/// Makes a span a part of what another program told of. Call it before
/// the span is entered; what is no `traceparent` changes nothing.
pub fn continues(span: &Span, traceparent: &str) {
    let headers = HashMap::from([(
        TRACEPARENT.to_owned(),
        traceparent.to_owned(),
    )]);
    let parent = TraceContextPropagator::new().extract(&headers);
    // It fails where spans go nowhere, and then nobody misses it.
    let _ = span.set_parent(parent);
}
// ANCHOR_END: traceparent

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_collector_is_refused() {
        for to in ["jaeger:4318", "https://jaeger:4318", "http://"] {
            let error = provider("resolver", to).unwrap_err();
            let expected = format!(
                "spans cannot be sent to {to:?}; \
                 an address is like http://jaeger:4318"
            );
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn libraries_make_no_spans() {
        let own = own("links-connected", LevelFilter::INFO);
        let info = tracing::Level::INFO;
        for target in
            ["links_connected::api", "links_api", "service::shutdown"]
        {
            assert!(own.would_enable(target, &info), "{target}");
        }
        for target in ["h2::client", "hyper_util", "reqwest", "sqlx"] {
            assert!(!own.would_enable(target, &info), "{target}");
        }
    }

    #[test]
    fn without_a_collector_there_is_nothing_to_tell_and_to_flush() {
        assert_eq!(traceparent(), None);
        continues(&Span::current(), "no traceparent");
        Telemetry { provider: None }.flush();
    }
}
