//! gRPC's own health protocol, and what a server tells of its protocol.

use links_contract::DESCRIPTORS;
use links_contract::v1::resolver_server::ResolverServer;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::v1::{
    ServerReflection, ServerReflectionServer,
};

use super::Links;

/// What the server answers when it is asked for its health. Shared by
/// all clones.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

/// The service, and the whole server.
pub(super) const NAMES: [&str; 2] =
    [<ResolverServer<Links> as NamedService>::NAME, ""];

impl Health {
    /// A server that does not serve yet.
    pub async fn new() -> Health {
        let health = Health(HealthReporter::new());
        health.set(false).await;
        health
    }

    // ANCHOR: set
    /// Whether requests are welcome: what `Check` answers from now on,
    /// and what each `Watch` is told at once.
    pub async fn set(&self, welcome: bool) {
        let status = match welcome {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for name in NAMES {
            self.0.set_service_status(name, status).await;
        }
    }
    // ANCHOR_END: set

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        let reporter = self.0.clone();
        HealthServer::new(HealthService::from_health_reporter(reporter))
    }
}

/// Tells the protocol to whoever asks.
///
/// # Panics
/// Never: the descriptors come from this program's own build.
pub(super) fn reflection()
-> ServerReflectionServer<impl ServerReflection> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(HEALTH)
        .build_v1()
        .expect("the descriptors of the build are whole")
}
