//! The HTML site.

pub mod links;
pub mod mermaid;
pub mod serve;
