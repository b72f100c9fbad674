//! run/snippets
