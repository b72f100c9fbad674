//! run/console
