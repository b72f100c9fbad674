//! site/mermaid
