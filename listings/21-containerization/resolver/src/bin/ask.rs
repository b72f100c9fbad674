//! Asks a resolver: `ask ADDRESS create TARGET`, `resolve CODE`,
//! `delete CODE`, `list`, `health`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use links_contract::v1::resolver_client::ResolverClient;
use links_contract::v1::{
    CreateRequest, DeleteRequest, ListRequest, ResolveRequest,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).collect();
    let [address, command @ ..] = arguments.as_slice() else {
        bail!("ask ADDRESS COMMAND");
    };
    let address = Endpoint::from_shared(format!("http://{address}"))?;
    let channel = address.connect().await.context("nobody is there")?;
    let answer = match command {
        ["health"] => health(channel).await,
        command => links(channel, command).await,
    };
    match answer {
        Ok(answer) => {
            println!("{answer}");
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => {
            println!("{}", explained(&status));
            Ok(ExitCode::FAILURE)
        }
    }
}

// ANCHOR: deadline
/// A request that is not waited for longer than [`DEADLINE`]; the
/// server is told in the header `grpc-timeout`.
fn timely<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
// ANCHOR_END: deadline

async fn links(
    channel: Channel,
    command: &[&str],
) -> Result<String, Status> {
    let mut links = ResolverClient::new(channel);
    match command {
        ["create", target] => {
            let target = (*target).to_owned();
            let request = timely(CreateRequest { target });
            let made = links.create(request).await?.into_inner();
            let link = made.link.unwrap_or_default();
            Ok(format!("{} {}", link.code, link.target))
        }
        ["resolve", code] => {
            let code = (*code).to_owned();
            let request = timely(ResolveRequest { code });
            Ok(links.resolve(request).await?.into_inner().target)
        }
        ["delete", code] => {
            let code = (*code).to_owned();
            links.delete(timely(DeleteRequest { code })).await?;
            Ok("deleted".to_owned())
        }
        ["list"] => {
            let request = timely(ListRequest::default());
            let list = links.list(request).await?.into_inner();
            let lines: Vec<String> = list
                .links
                .iter()
                .map(|link| format!("{} {}", link.code, link.target))
                .collect();
            Ok(lines.join("\n"))
        }
        _ => Err(Status::invalid_argument(
            "create TARGET, resolve CODE, delete CODE, list or health",
        )),
    }
}

async fn health(channel: Channel) -> Result<String, Status> {
    let service = "links.v1.Resolver".to_owned();
    let request = timely(HealthCheckRequest { service });
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status().as_str_name().to_owned())
}

/// What a program can read of an error, without parsing its message.
// ANCHOR: explained
fn explained(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = format!("{:?}: {}", status.code(), status.message());
    let fields = details.bad_request().into_iter();
    for field in fields.flat_map(|b| &b.field_violations) {
        text += &format!("\n  wrong: {}", field.field);
    }
    if let Some(info) = details.error_info() {
        text += &format!("\n  {} of {}", info.reason, info.domain);
    }
    let retry = details.retry_info().and_then(|r| r.retry_delay);
    text += &retry
        .map(|d| format!("\n  again in {d:?}"))
        .unwrap_or_default();
    text
}
// ANCHOR_END: explained
