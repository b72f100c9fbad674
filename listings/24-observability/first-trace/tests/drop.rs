//! Who has to go before a dropped provider sends its spans.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use common::Kept;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;

#[test]
fn a_provider_that_somebody_else_holds_does_not_flush_when_dropped() {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(kept.clone())
        .build();
    // As the layer of a global subscriber has one for ever.
    let tracer = provider.tracer("first-trace");
    tracer.in_span("follow", |_| ());
    drop(provider);
    assert!(kept.names().is_empty());
    drop(tracer);
    assert_eq!(kept.names(), ["follow"]);
}
