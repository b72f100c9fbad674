//! Makes Rust from the protocol, without a `protoc`.

use std::path::PathBuf;

use protox::prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: generate
    let protocol = "links/v1/resolver.proto";
    println!("cargo::rerun-if-changed=proto/{protocol}");
    let files = protox::compile([protocol], ["proto"])?;
    // What a server with reflection tells of its protocol.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let descriptors = out.join("links_descriptor.bin");
    std::fs::write(descriptors, files.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(files)?;
    // ANCHOR_END: generate
    Ok(())
}
