//! What a flush needs of the runtime, on a runtime with one worker.

use std::time::Duration;

use book_support::captured;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SdkTracerProvider, SpanData, SpanExporter,
};
use tokio::runtime::Handle;

/// Sends from a task of the runtime in which it was made, as the
/// exporters for gRPC and for asynchronous HTTP clients do.
#[derive(Debug)]
struct FromATask(Handle);

impl SpanExporter for FromATask {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        let sent =
            self.0.spawn(async { tokio::task::yield_now().await });
        sent.await.expect("the task ends");
        Ok(())
    }
}

/// Short enough to wait for, and no number that the outcome hangs on.
const FLUSH: Duration = Duration::from_secs(1);

fn outcome(result: OTelSdkResult) -> &'static str {
    match result {
        Ok(()) => "sent",
        Err(_) => "blocked, spans lost",
    }
}

fn provider(
    exporter: impl SpanExporter + 'static,
) -> SdkTracerProvider {
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    provider.tracer("one-worker").in_span("follow", |_| ());
    provider
}

/// A collector that says yes once, on a thread of its own.
fn collector() -> (String, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 64 << 10];
        assert!(stream.read(&mut bytes).unwrap() > 0);
        let yes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(yes.as_bytes()).unwrap();
    });
    (address, answering)
}

#[tokio::test(flavor = "current_thread")]
async fn who_sends_from_a_task_waits_for_the_worker_that_waits_for_it()
{
    let (address, answering) = collector();
    let blocking = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(address)
        .build()
        .unwrap();
    let blocking = provider(blocking).shutdown_with_timeout(FLUSH);
    answering.join().unwrap();

    let here = FromATask(Handle::current());
    let here = provider(here).shutdown_with_timeout(FLUSH);

    let elsewhere = provider(FromATask(Handle::current()));
    let elsewhere = tokio::task::spawn_blocking(move || {
        elsewhere.shutdown_with_timeout(FLUSH)
    });
    let elsewhere = elsewhere.await.unwrap();

    let rows = [
        ("a thread of its own", "the one worker", outcome(blocking)),
        ("a task", "the one worker", outcome(here)),
        ("a task", "spawn_blocking", outcome(elsewhere)),
    ];
    let line = |(from, flush, outcome): (&str, &str, &str)| {
        format!("{from:21}{flush:18}{outcome}\n")
    };
    let head =
        line(("exporter sends from", "flush called on", "outcome"));
    let table = head + &rows.map(line).concat();
    captured(
        "listings/24-observability/first-trace/captured/one-worker.txt",
        &table,
    );
}
