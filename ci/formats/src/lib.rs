//! Reads manifests, protocols and queries as their own tools would, without those tools.
