//! How to ask a server for its health without a tool: the image has
//! neither a shell nor a `grpc_health_probe`.

use std::net::SocketAddr;

use service::probes::{PATIENCE, reachable};
use tokio::time::error::Elapsed;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::health::NAMES;

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// It answers, and does not serve.
    #[error("not healthy: {0}")]
    Answer(&'static str),
    /// It answers with an error.
    #[error("not healthy: {0}")]
    Refused(#[from] tonic::Status),
    /// Nobody is there.
    #[error("not healthy: nobody listens there")]
    Unreachable(#[from] tonic::transport::Error),
    /// It says nothing.
    #[error("not healthy: no answer in time")]
    Late(#[from] Elapsed),
}

// ANCHOR: ask
/// Asks a server that listens here whether it serves.
///
/// # Errors
/// When it does not, or does not say so in time.
pub async fn ask(listen: SocketAddr) -> Result<(), Unhealthy> {
    let status =
        tokio::time::timeout(PATIENCE, check(listen)).await??;
    match status {
        ServingStatus::Serving => Ok(()),
        other => Err(Unhealthy::Answer(other.as_str_name())),
    }
}
// ANCHOR_END: ask

async fn check(listen: SocketAddr) -> Result<ServingStatus, Unhealthy> {
    let address = format!("http://{}", reachable(listen));
    let channel = Endpoint::from_shared(address)?.connect().await?;
    let request = HealthCheckRequest { service: NAMES[0].to_owned() };
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status())
}
