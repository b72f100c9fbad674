//! List, watch and server-side apply with the Kubernetes API.
