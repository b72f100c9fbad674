//! BuildKit, beyond the cache.
