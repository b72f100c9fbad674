//! What every service of the book's system does alike: configuration, telemetry, shutdown.
