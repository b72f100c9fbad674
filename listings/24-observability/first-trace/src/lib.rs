//! Spans from tracing to Jaeger.
