//! The spans of a found link, made without `tracing`.

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry_sdk::trace::SdkTracer;

// ANCHOR: direct
/// Two spans by OpenTelemetry's own API: one around the other.
pub fn follow(tracer: &SdkTracer, code: &str) {
    tracer.in_span("follow", |context| {
        let code = KeyValue::new("code", code.to_owned());
        context.span().set_attribute(code);
        tracer.in_span("note_click", |_| ());
    });
}
// ANCHOR_END: direct
