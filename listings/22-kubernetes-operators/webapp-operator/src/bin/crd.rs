//! Prints the definition of `WebApp` for the API server.

use kube::CustomResourceExt;
use webapp_operator::webapp::WebApp;

fn main() -> anyhow::Result<()> {
    print!("{}", serde_saphyr::to_string(&WebApp::crd())?);
    Ok(())
}
