//! Spans from tracing to Jaeger.
//!
//! | module | what lives there |
//! |---|---|
//! | [`resolve`] | the work: where a short link leads |
//! | [`telemetry`] | where its spans go |
//! | [`direct`] | the same spans, made with OpenTelemetry's own API |

// ANCHOR: modules
pub mod direct; // the same spans by OpenTelemetry's own API
pub mod resolve; // the work
pub mod telemetry; // where its spans go
// ANCHOR_END: modules
