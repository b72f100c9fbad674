//! The controller of `WebApp` objects.
