//! The resolver, as a client sees it: links by gRPC, and whether they can be had.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use links_api::link::{Code, Target};
use links_api::store::{Failure, MOST_LINKS};
use links_contract::v1::resolver_client::ResolverClient;
use links_contract::v1::{
    CreateRequest, DeleteRequest, ListRequest, ResolveRequest,
};
use service::telemetry::{TRACEPARENT, traceparent};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, TimeoutExpired};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

/// Longest time for one answer.
pub const ANSWER: Duration = Duration::from_secs(2);

/// How often the resolver is asked how it is.
const EVERY: Duration = Duration::from_secs(1);

/// How long that answer may take.
const HEALTH: Duration = Duration::from_millis(500);

/// Links in one page of a list.
const PAGE: u32 = 1000;

/// Links at a resolver. A clone uses the same connection.
#[derive(Clone, Debug)]
pub struct Resolver {
    channel: Channel,
    serving: Arc<AtomicBool>,
}

impl Resolver {
    // ANCHOR: at
    /// A resolver that is not asked yet. The connection is made when
    /// it is needed, and again when it is broken.
    pub fn at(endpoint: Endpoint) -> Resolver {
        let channel = endpoint
            .connect_timeout(ANSWER)
            .timeout(ANSWER)
            .http2_keep_alive_interval(5 * ANSWER)
            .keep_alive_timeout(5 * ANSWER)
            .connect_lazy();
        Resolver { channel, serving: Arc::default() }
    }
    // ANCHOR_END: at

    fn links(&self) -> ResolverClient<Channel> {
        ResolverClient::new(self.channel.clone())
    }

    /// Keeps a target under a new code.
    pub async fn create(
        &self,
        target: &Target,
    ) -> Result<Code, Failure> {
        let target = target.as_str().to_owned();
        let request = request(CreateRequest { target });
        let made =
            self.links().create(request).await.map_err(failure)?;
        let link = made.into_inner().link.unwrap_or_default();
        code(&link.code)
    }

    // ANCHOR: find
    /// Where a code leads.
    pub async fn find(
        &self,
        code: &Code,
    ) -> Result<Option<Target>, Failure> {
        let code = code.to_string();
        let request = request(ResolveRequest { code });
        match self.links().resolve(request).await {
            Ok(found) => Ok(Some(target(found.into_inner().target)?)),
            Err(s) if s.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(failure(status)),
        }
    }
    // ANCHOR_END: find

    /// Removes a link; whether it was there.
    pub async fn delete(&self, code: &Code) -> Result<bool, Failure> {
        let code = code.to_string();
        match self.links().delete(request(DeleteRequest { code })).await
        {
            Ok(_) => Ok(true),
            Err(s) if s.code() == tonic::Code::NotFound => Ok(false),
            Err(status) => Err(failure(status)),
        }
    }

    /// The first links, by code, page after page.
    pub async fn list(&self) -> Result<Vec<(Code, Target)>, Failure> {
        let (mut all, mut after) = (Vec::new(), String::new());
        while all.len() < MOST_LINKS {
            let request =
                request(ListRequest { page_size: PAGE, after });
            let page = self.links().list(request).await;
            let page = page.map_err(failure)?.into_inner();
            for link in page.links {
                all.push((code(&link.code)?, target(link.target)?));
            }
            after = page.next_after;
            if after.is_empty() {
                break;
            }
        }
        all.truncate(MOST_LINKS);
        Ok(all)
    }

    /// Whether it served when it was last asked.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    // ANCHOR: watch
    /// Asks the resolver how it is, again and again. It does not end
    /// by itself.
    pub async fn watch(&self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let serves = within(HEALTH, self.ask()).await;
            if self.serving.swap(serves, Ordering::Relaxed) != serves {
                tracing::info!(serves, "the resolver has changed");
            }
        }
    }
    // ANCHOR_END: watch

    /// Whether it says that it serves links.
    async fn ask(&self) -> bool {
        let service = "links.v1.Resolver".to_owned();
        let request = HealthCheckRequest { service };
        let mut health = HealthClient::new(self.channel.clone());
        let answer = health.check(request).await;
        answer.is_ok_and(|answer| {
            answer.into_inner().status() == ServingStatus::Serving
        })
    }
}

/// No answer in time is a no.
async fn within(
    time: Duration,
    ask: impl Future<Output = bool>,
) -> bool {
    timeout(time, ask).await.unwrap_or(false)
}

// ANCHOR: request
/// A request that tells the resolver how long its answer is waited for,
/// and which trace it belongs to.
fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER);
    let trace = traceparent().and_then(|trace| trace.parse().ok());
    if let Some(trace) = trace {
        request.metadata_mut().insert(TRACEPARENT, trace);
    }
    request
}
// ANCHOR_END: request

// ANCHOR: failure
/// What a status means for whoever asked for a link.
fn failure(status: Status) -> Failure {
    use tonic::Code::*;
    match status.code() {
        InvalidArgument => Failure::Refused(refusal(&status)),
        ResourceExhausted => Failure::Full,
        DeadlineExceeded => Failure::Late,
        // So is a request whose connection broke under it.
        Cancelled if expired(&status) => Failure::Late,
        code => {
            let why = status.message();
            tracing::warn!(?code, why, "the resolver does not serve");
            Failure::Away
        }
    }
}
// ANCHOR_END: failure

/// Whether tonic's own deadline has ended the request.
fn expired(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The field and the reason; without them, what the status says.
fn refusal(status: &Status) -> String {
    let details = status.get_details_bad_request();
    match details.as_ref().and_then(|d| d.field_violations.first()) {
        Some(field) => {
            format!("{}: {}", field.field, field.description)
        }
        None => status.message().to_owned(),
    }
}

/// A code that the resolver sent. One that is none is its failure.
fn code(text: &str) -> Result<Code, Failure> {
    Code::parse(text).ok_or_else(|| no(text))
}

fn target(text: String) -> Result<Target, Failure> {
    Target::try_from(text).map_err(no)
}

fn no(what: &str) -> Failure {
    tracing::error!(what, "the resolver sent what it must not");
    Failure::Away
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::telemetry;
    use tonic_types::ErrorDetails;

    #[test]
    fn each_status_has_its_failure() {
        for (status, expected) in [
            (Status::unavailable("no database"), Failure::Away),
            (Status::internal("a bug"), Failure::Away),
            (Status::deadline_exceeded(""), Failure::Late),
            (
                Status::from_error(Box::new(TimeoutExpired(()))),
                Failure::Late,
            ),
            // What hyper says of a connection that broke.
            (
                Status::cancelled("operation was canceled"),
                Failure::Away,
            ),
            (Status::resource_exhausted(""), Failure::Full),
            (
                Status::invalid_argument("no target"),
                Failure::Refused("no target".to_owned()),
            ),
        ] {
            assert_eq!(failure(status), expected);
        }
        let details = ErrorDetails::with_bad_request_violation(
            "target",
            "a target names a host",
        );
        let status = Status::with_error_details(
            tonic::Code::InvalidArgument,
            "invalid",
            details,
        );
        let said = "target: a target names a host".to_owned();
        assert_eq!(failure(status), Failure::Refused(said));
    }

    #[test]
    fn what_is_no_link_is_the_resolvers_failure() {
        assert_eq!(code("0"), Err(Failure::Away));
        assert_eq!(target("ftp://a".to_owned()), Err(Failure::Away));
    }

    #[test]
    fn a_request_says_which_trace_it_belongs_to() {
        let trace = || {
            let request = request(());
            let trace = request.metadata().get(TRACEPARENT)?;
            Some(trace.to_str().unwrap().to_owned())
        };
        // Nobody listens there; spans have numbers all the same.
        let settings = telemetry::Settings {
            otlp: Some("http://127.0.0.1:9".to_owned()),
            ..telemetry::Settings::default()
        };
        let _started = telemetry::start("links-connected", &settings);
        assert_eq!(trace(), None);
        let span = tracing::info_span!("asked");
        let said = span.in_scope(trace).expect("a trace");
        assert!(said.starts_with("00-"), "{said}");
        assert!(span.in_scope(trace).is_some_and(|t| t == said));
    }
}
