//! Prints the definition of `WebApp` for the API server.

use kube::CustomResourceExt;
use webapp_operator::webapp::WebApp;

// ANCHOR: main
fn main() -> anyhow::Result<()> {
    print!("{}", serde_saphyr::to_string(&WebApp::crd())?);
    Ok(())
}
// ANCHOR_END: main
