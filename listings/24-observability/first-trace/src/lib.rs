//! Spans from tracing to Jaeger.
//!
//! | module | what lives there |
//! |---|---|
//! | [`resolve`] | the work: where a short link leads |
//! | [`telemetry`] | where its spans go |
//! | [`direct`] | the same spans, made with OpenTelemetry's own API |

pub mod direct;
pub mod resolve;
pub mod telemetry;
