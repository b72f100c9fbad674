//! site/links
