//! links-api as the front of a system: links live behind gRPC, each redirect is an event.
