//! A database of the test's own, resolvers that use it, and questions to
//! them.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use book_support::engines::{Engine, POSTGRES, postgres};
use links_contract::v1::resolver_client::ResolverClient;
use links_contract::v1::{CreateRequest, ResolveRequest};
use resolver::server::{RunError, run};
use resolver::settings::Settings;
use resolver::store::Store;
use service::config::Environment;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Longest that a test waits for anything.
pub const BUDGET: Duration = Duration::from_secs(60);

pub const TARGET: &str = "https://www.rust-lang.org";

/// The service whose health is asked for.
pub const NAME: &str = "links.v1.Resolver";

/// A database, and a runtime to talk to it.
pub struct Bench {
    pub runtime: Runtime,
    pub database: Engine,
    /// Where it was at first: after a restart it is elsewhere.
    url: String,
}

/// The address of a database that is reached there.
pub fn url(address: SocketAddr) -> String {
    format!("postgres://postgres:postgres@{address}/postgres")
}

pub fn settings(url: &str, request: &str, drain: &str) -> Settings {
    let env = Environment::of([
        ("RESOLVER_DATABASE_URL", url),
        ("RESOLVER_REQUEST_SECONDS", request),
        ("RESOLVER_DRAIN_SECONDS", drain),
    ]);
    Settings::read(&env).unwrap()
}

impl Bench {
    pub fn start() -> Bench {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let database = postgres();
        let url = url(database.address(POSTGRES));
        Bench { runtime, database, url }
    }

    /// The database's address, for tests that do not restart it.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn run<T>(&self, what: impl Future<Output = T>) -> T {
        let bounded =
            async { tokio::time::timeout(3 * BUDGET, what).await };
        self.runtime.block_on(bounded).expect("it ends in time")
    }

    /// A resolver that uses the database, and serves.
    pub async fn resolver(&self) -> Running {
        let patient = settings(self.url(), "30", "30");
        let running = Running::start(patient).await;
        running.until(ServingStatus::Serving).await;
        running
    }

    /// A connection of the test's own.
    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect(self.url()).await.unwrap()
    }
}

/// A running resolver.
pub struct Running {
    pub address: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub ended: JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// Starts one on a free port.
    pub async fn start(settings: Settings) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or_default() };
        let store = Store::new(&settings);
        let ended =
            tokio::spawn(run(listener, settings, store, stopped));
        Running { address, stop, ended }
    }

    pub async fn channel(&self) -> Channel {
        let address = format!("http://{}", self.address);
        let endpoint = Endpoint::from_shared(address).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub async fn links(&self) -> ResolverClient<Channel> {
        ResolverClient::new(self.channel().await)
    }

    /// Its health, now and after each change.
    pub async fn health(&self) -> Streaming<HealthCheckResponse> {
        let request = HealthCheckRequest { service: NAME.to_owned() };
        let mut client = HealthClient::new(self.channel().await);
        client.watch(request).await.unwrap().into_inner()
    }

    /// Waits until its health is so.
    pub async fn until(&self, status: ServingStatus) {
        let mut health = self.health().await;
        becomes(&mut health, status).await;
    }

    /// Asks it to stop and waits until it has.
    pub async fn end(self) {
        self.stop.send(()).unwrap();
        within(self.ended).await.unwrap().unwrap();
    }
}

/// Waits until health is told to be so.
pub async fn becomes(
    health: &mut Streaming<HealthCheckResponse>,
    status: ServingStatus,
) {
    within(async {
        while health.message().await.unwrap().unwrap().status()
            != status
        {}
    })
    .await
}

pub async fn create(
    links: &mut ResolverClient<Channel>,
) -> Result<String, Status> {
    let request = CreateRequest { target: TARGET.to_owned() };
    let made = links.create(request).await?.into_inner();
    Ok(made.link.unwrap().code)
}

pub async fn resolve(
    links: &mut ResolverClient<Channel>,
    code: &str,
) -> Result<String, Status> {
    let request = ResolveRequest { code: code.to_owned() };
    Ok(links.resolve(request).await?.into_inner().target)
}

/// The same, by a client that asks again when it is told to.
pub async fn answered(
    links: &mut ResolverClient<Channel>,
    code: &str,
) -> Result<String, Status> {
    within(async {
        loop {
            match resolve(links, code).await {
                Err(status) if status.code() == Code::Unavailable => {
                    tokio::task::yield_now().await;
                }
                answer => return answer,
            }
        }
    })
    .await
}

/// The same, by a client that does not wait longer.
pub async fn resolve_in_time(
    links: &mut ResolverClient<Channel>,
    code: &str,
    deadline: Duration,
) -> Result<String, Status> {
    let mut request =
        Request::new(ResolveRequest { code: code.to_owned() });
    request.set_timeout(deadline);
    Ok(links.resolve(request).await?.into_inner().target)
}

/// Waits for something, but not for ever.
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(BUDGET, what)
        .await
        .expect("nothing happened in time")
}

/// Asks the database until its answer is this one.
pub async fn until_count(
    sql: &mut PgConnection,
    question: &'static str,
    expected: i64,
) {
    within(async {
        loop {
            let count: i64 = sqlx::query_scalar(question)
                .fetch_one(&mut *sql)
                .await
                .unwrap();
            if count == expected {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// A captured file of the page.
pub fn file(name: &str) -> String {
    format!("listings/21-containerization/system/captured/{name}.txt")
}
