//! OpenTelemetry's own API makes the same kind of spans.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use common::{KNOWN, Kept};
use first_trace::direct;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[test]
fn a_span_within_a_span_has_it_as_its_parent() {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(kept.clone())
        .build();
    direct::follow(&provider.tracer("first-trace"), KNOWN);
    provider.shutdown().unwrap();
    assert_eq!(kept.names(), ["note_click", "follow"]);
    assert!(kept.second_is_parent());
}
