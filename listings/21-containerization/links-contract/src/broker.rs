//! Where clicks wait: the broker, and the queues that sender and counter agree on. Behind the feature `amqp`, because
//! not every service talks to a broker.

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};

use crate::click::{DEAD, QUEUE};

/// Most clicks that wait. A broker that has so many refuses more, and
/// its disk is not filled.
const LONGEST: u32 = 1_000_000;

/// Seconds after which somebody who says nothing is gone.
const HEARTBEAT: u16 = 10;

/// Connects under a name that the broker shows. It waits as long as
/// the broker likes: bound it.
///
/// # Errors
/// When the broker cannot be reached, or refuses.
pub async fn connect(
    name: &str,
    broker: &AMQPUri,
) -> lapin::Result<Connection> {
    let mut broker = broker.clone();
    broker.query.heartbeat.get_or_insert(HEARTBEAT);
    let properties = ConnectionProperties::default()
        .with_connection_name(name.into());
    Connection::connect_uri(broker, properties).await
}

// ANCHOR: declare
/// Makes both queues, or finds those that are there.
///
/// # Errors
/// When one is there with other properties.
pub async fn declare(channel: &Channel) -> lapin::Result<()> {
    let mut queue = FieldTable::default();
    queue.insert("x-queue-type".into(), text("quorum"));
    make(channel, DEAD, queue.clone()).await?;
    for (name, value) in [
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(DEAD)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-max-length", AMQPValue::LongUInt(LONGEST)),
    ] {
        queue.insert(name.into(), value);
    }
    make(channel, QUEUE, queue).await
}
// ANCHOR_END: declare

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn make(
    channel: &Channel,
    name: &str,
    arguments: FieldTable,
) -> lapin::Result<()> {
    let durable = QueueDeclareOptions::durable();
    channel.queue_declare(name.into(), durable, arguments).await?;
    Ok(())
}
