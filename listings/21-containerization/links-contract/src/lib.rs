//! What the services say to each other: the gRPC protocol and the click event.

// ANCHOR: generated
/// The protocol of the resolver: messages, a client, and the trait
/// that a server implements.
#[allow(missing_docs, clippy::all)]
pub mod v1 {
    tonic::include_proto!("links.v1");
}
// ANCHOR_END: generated

/// The protocol itself, for a server that tells it by reflection.
pub const DESCRIPTORS: &[u8] =
    tonic::include_file_descriptor_set!("links_descriptor");

#[cfg(feature = "amqp")]
pub mod broker;
pub mod click;
