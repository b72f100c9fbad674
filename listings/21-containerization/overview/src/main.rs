//! `overview ADDRESS` serves the overview, on port 8080 when it is told none. `overview 4 1000` lets four threads make a thousand, and says what that
//! took: seconds, seconds of processors, kilobytes at most.

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use overview::measure::{cost, used};
use overview::render::overview;
use tokio::net::TcpListener;

// ANCHOR: allocator
#[cfg(all(target_env = "musl", feature = "mimalloc"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
// ANCHOR_END: allocator

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [threads, count] = &words[..] else {
        let named = words.first().map(String::as_str);
        return serve(named.unwrap_or("0.0.0.0:8080")).await;
    };
    let [took, work] = cost(threads.parse()?, count.parse()?)?;
    let (took, work) = (took.as_secs_f64(), work.as_secs_f64());
    println!("{took:.3} {work:.3} {}", used()?.1);
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: serve
async fn serve(address: &str) -> Result<()> {
    let routes = Router::new()
        .route("/overview", get(async || overview()))
        .route("/used", get(told));
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let served = axum::serve(listener, routes)
        .with_graceful_shutdown(interrupted())
        .await;
    served.context("serving ended")
}
// ANCHOR_END: serve

/// What the program has used until now: seconds, and KiB at most.
async fn told() -> String {
    match used() {
        Ok((work, peak)) => format!("{} {peak}", work.as_secs_f64()),
        Err(error) => error.to_string(),
    }
}

/// Completes at Ctrl-C. Who cannot be interrupted serves on.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
