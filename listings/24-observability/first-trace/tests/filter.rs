//! Only the program's own spans are sent.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod common;

use common::{KNOWN, Kept};
use first_trace::{resolve, telemetry};
use opentelemetry_sdk::trace::SdkTracerProvider;

#[tokio::test(flavor = "current_thread")]
async fn spans_of_libraries_are_left_out() {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(kept.clone())
        .build();
    telemetry::install(&provider).unwrap();
    let libraries = [
        tracing::info_span!(target: "h2::client", "poll"),
        tracing::info_span!(target: "hyper_util::client", "connect"),
        tracing::info_span!(target: "reqwest::blocking", "send"),
    ];
    drop(libraries.map(|span| span.entered()));
    resolve::follow(KNOWN).await.unwrap();
    telemetry::flush(&provider);
    let names = [
        "find_in_cache",
        "find_in_store",
        "find",
        "note_click",
        "follow",
    ];
    assert_eq!(kept.names(), names);
}
