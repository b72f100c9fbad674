//! site/serve
