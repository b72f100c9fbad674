//! Makes Rust from the protocol, without a `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: generate
    let protocol = "links/v1/resolver.proto";
    println!("cargo::rerun-if-changed=proto/{protocol}");
    let files = protox::compile([protocol], ["proto"])?;
    tonic_prost_build::configure().compile_fds(files)?;
    // ANCHOR_END: generate
    Ok(())
}
