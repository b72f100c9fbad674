//! The `confirmed-publish` program: makes the queue, publishes clicks, counts them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use confirmed_publish::click::Click;
use confirmed_publish::counter::Counter;
use confirmed_publish::ledger::Ledger;
use confirmed_publish::patience::{Link, Patience};
use confirmed_publish::publisher::Publisher;
use confirmed_publish::{hopeful, queue, shutdown};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

#[derive(Parser)]
#[command(about = "The clicks of the link shortener")]
struct Arguments {
    /// The broker's address.
    #[arg(
        long,
        env = "CLICKS_BROKER",
        default_value = "amqp://127.0.0.1:5672/%2f",
        hide_env_values = true
    )]
    broker: String,
    /// Seconds for all attempts at one thing.
    #[arg(long, env = "CLICKS_DEADLINE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    deadline: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the queue.
    Declare,
    /// Publishes clicks until all are confirmed.
    Publish {
        /// How many.
        #[arg(long, default_value_t = 1000)]
        count: u32,
        /// The code of the link.
        #[arg(long, default_value = "VcdWRhe")]
        code: String,
        /// Asks for no confirmation.
        #[arg(long)]
        hopeful: bool,
    },
    /// Counts clicks.
    Count {
        /// The file of what was counted.
        #[arg(
            long,
            env = "CLICKS_LEDGER",
            default_value = "clicks.ledger"
        )]
        ledger: PathBuf,
        /// Ends when what waits in the queue is counted.
        #[arg(long)]
        backlog: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // lapin's own lines say again what this program says about each of its errors.
    let levels = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("lapin", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false);
    tracing_subscriber::registry().with(lines).with(levels).init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let deadline = Duration::from_secs(arguments.deadline);
    let usual = Patience::default();
    // Also a short deadline leaves time for a second attempt.
    let answer = usual.answer.min(deadline / 2);
    let patience = Patience { answer, deadline, ..usual };
    match arguments.command {
        Command::Declare => declare(&arguments.broker).await,
        Command::Publish { count, code, hopeful } => {
            let clicks = Click::numbered(&code, 0..count);
            match hopeful {
                true => {
                    publish_hopefully(&arguments.broker, &clicks).await
                }
                false => {
                    publish_confirmed(
                        &arguments.broker,
                        patience,
                        &clicks,
                    )
                    .await
                }
            }
        }
        Command::Count { ledger, backlog } => {
            count(&arguments.broker, patience, ledger, backlog).await
        }
    }
}

async fn declare(broker: &str) -> anyhow::Result<()> {
    let link = Link::open(broker).await?;
    let queue = queue::declare(&link.channel).await?;
    tracing::info!(
        queue = queue.name().as_str(),
        messages = queue.message_count(),
        "the queue is there"
    );
    link.close().await;
    Ok(())
}

async fn publish_hopefully(
    broker: &str,
    clicks: &[Click],
) -> anyhow::Result<()> {
    let link = Link::open(broker).await?;
    let published = hopeful::publish(&link.channel, clicks).await?;
    tracing::info!(clicks = published, "published");
    link.close().await;
    Ok(())
}

// ANCHOR: publish
async fn publish(
    publisher: &mut Publisher,
    clicks: &[Click],
) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    tokio::select! {
        published = publisher.publish(clicks) => Ok(published?),
        () = stop => bail!("stopped before all were confirmed"),
    }
}
// ANCHOR_END: publish

async fn publish_confirmed(
    broker: &str,
    patience: Patience,
    clicks: &[Click],
) -> anyhow::Result<()> {
    let mut publisher = Publisher::new(broker, patience);
    let published = publish(&mut publisher, clicks).await;
    let confirmed = publisher.done().confirmed;
    tracing::info!(clicks = clicks.len(), confirmed, "published");
    publisher.close().await;
    published
}

async fn count(
    broker: &str,
    patience: Patience,
    path: PathBuf,
    backlog: bool,
) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    let ledger = Ledger::open(&path).with_context(|| {
        format!("the ledger {} cannot be read", path.display())
    })?;
    let mut counter = Counter::new(broker, patience, ledger);
    let ended = counter.run(backlog, stop).await;
    let (done, total) = (counter.done(), counter.ledger().total());
    tracing::info!(
        counted = done.counted,
        dropped = done.dropped,
        total,
        "counted"
    );
    Ok(ended?)
}
