//! All that knows gRPC, and tonic's types: the trait of the protocol,
//! deadlines, statuses, health. The rest of the program could be served
//! by something else.

mod budget;
mod health;
mod probe;
mod status;

use std::future::Future;
use std::time::Duration;

use links_api::link::{Code, Target};
use links_contract::v1::resolver_server::{Resolver, ResolverServer};
use links_contract::v1::{
    CreateRequest, CreateResponse, DeleteRequest, DeleteResponse, Link,
    ListRequest, ListResponse, ResolveRequest, ResolveResponse,
};
use service::telemetry::{TRACEPARENT, continues};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tracing::{Instrument, Span, info_span};

use crate::failure::Failure;
use crate::flights::{Flight, Flights};
use crate::store::{Row, Store};

pub use health::Health;
pub use probe::{Unhealthy, ask};

/// Largest message that is read, in bytes: a target and its field.
pub const LARGEST_MESSAGE: usize = 4096;

/// Most links in one answer, and how many there are without a word.
pub const LARGEST_PAGE: u32 = 1000;
const PAGE: u32 = 100;

/// Most requests at a time on one connection: the rest waits at the
/// client's end.
const MOST_STREAMS: u32 = 128;

/// How often a connection without traffic is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(20);

// ANCHOR: links
/// The links as a gRPC service.
#[derive(Clone)]
pub struct Links {
    /// Where they are kept.
    pub store: Store,
    /// Longest that one request may take.
    pub longest: Duration,
    /// How many are in flight.
    pub flights: Flights,
}
// ANCHOR_END: links

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Resolver for Links {
    // ANCHOR: resolve
    async fn resolve(
        &self,
        request: Request<ResolveRequest>,
    ) -> Answer<ResolveResponse> {
        let (call, asked) = self.begin("resolve", request);
        call.answer(async {
            let code = code(&asked.code)?;
            let target = self.store.find(&code).await?;
            let target = target.ok_or(Failure::NoLink(code))?;
            Ok(ResolveResponse { target })
        })
        .await
    }
    // ANCHOR_END: resolve

    // ANCHOR: create
    async fn create(
        &self,
        request: Request<CreateRequest>,
    ) -> Answer<CreateResponse> {
        let (call, asked) = self.begin("create", request);
        call.answer(async {
            let target =
                Target::try_from(asked.target).map_err(|why| {
                    Failure::Field { field: "target", why }
                })?;
            let code = self.store.create(&target).await?.to_string();
            tracing::info!(code, "link created");
            let target = target.as_str().to_owned();
            Ok(CreateResponse { link: Some(Link { code, target }) })
        })
        .await
    }
    // ANCHOR_END: create

    async fn delete(
        &self,
        request: Request<DeleteRequest>,
    ) -> Answer<DeleteResponse> {
        let (call, asked) = self.begin("delete", request);
        call.answer(async {
            let code = code(&asked.code)?;
            match self.store.delete(&code).await? {
                true => Ok(DeleteResponse {}),
                false => Err(Failure::NoLink(code)),
            }
        })
        .await
    }

    async fn list(
        &self,
        request: Request<ListRequest>,
    ) -> Answer<ListResponse> {
        let (call, asked) = self.begin("list", request);
        call.answer(async {
            let size = page_size(asked.page_size)?;
            let after = after(asked.after)?;
            // One more than asked for says whether there is a next.
            let rows = self.store.list(&after, size + 1).await?;
            Ok(page(rows, size))
        })
        .await
    }
}

fn code(text: &str) -> Result<Code, Failure> {
    Code::parse(text).ok_or(Failure::NoCode)
}

fn page_size(asked: u32) -> Result<u32, Failure> {
    match asked {
        0 => Ok(PAGE),
        1..=LARGEST_PAGE => Ok(asked),
        _ => Err(Failure::Field {
            field: "page_size",
            why: "a page has 1000 links at most",
        }),
    }
}

fn after(asked: String) -> Result<String, Failure> {
    match asked.is_empty() || Code::parse(&asked).is_some() {
        true => Ok(asked),
        false => Err(Failure::Field {
            field: "after",
            why: "it is a code, or nothing from the start",
        }),
    }
}

fn page(rows: Vec<Row>, size: u32) -> ListResponse {
    let mut links: Vec<Link> = rows
        .into_iter()
        .map(|Row { code, target }| Link { code, target })
        .collect();
    let size = size as usize;
    let more = links.len() > size;
    links.truncate(size);
    let last = links.last().filter(|_| more);
    let next_after = last.map(|l| l.code.clone()).unwrap_or_default();
    ListResponse { links, next_after }
}

/// One request: how long it may take, where its span belongs.
struct Call {
    budget: Duration,
    span: Span,
    _flight: Flight,
}

impl Links {
    fn begin<T>(
        &self,
        name: &'static str,
        request: Request<T>,
    ) -> (Call, T) {
        let (metadata, _, message) = request.into_parts();
        let span = info_span!("rpc", rpc = name);
        let parent = metadata.get(TRACEPARENT);
        if let Some(Ok(parent)) = parent.map(|p| p.to_str()) {
            continues(&span, parent);
        }
        let budget = budget::of(&metadata, self.longest);
        let flight = self.flights.begin();
        (Call { budget, span, _flight: flight }, message)
    }
}

impl Call {
    // ANCHOR: answer
    /// Works until there is an answer or no time left. Work that is
    /// given up is dropped, and a query of it ends.
    async fn answer<T>(
        self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Answer<T> {
        let work = work.instrument(self.span.clone());
        let outcome = tokio::time::timeout(self.budget, work).await;
        let outcome = outcome.unwrap_or(Err(Failure::Late));
        outcome.map(Response::new).map_err(|failure| {
            let _here = self.span.enter();
            status::of(failure)
        })
    }
    // ANCHOR_END: answer
}

// ANCHOR: serve
/// Serves until `stop` completes; then no connection is accepted, and
/// clients are told to go elsewhere. Completes when all have gone.
pub(crate) async fn serve(
    listener: TcpListener,
    links: Links,
    health: &Health,
    reflection: bool,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let links = ResolverServer::new(links)
        .max_decoding_message_size(LARGEST_MESSAGE);
    let incoming = TcpIncoming::from(listener);
    Server::builder()
        .max_concurrent_streams(MOST_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(links)
        .add_service(health.service())
        .add_optional_service(reflection.then(health::reflection))
        .serve_with_incoming_shutdown(
            incoming.with_nodelay(Some(true)),
            stop,
        )
        .await
}
// ANCHOR_END: serve
