//! The queue of clicks.

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Queue};

/// The queue's name. The default exchange takes it as routing key.
pub const CLICKS: &str = "clicks";

// ANCHOR: declare
/// Makes the queue, or finds the one that is there. One that is there
/// with other properties is an error.
pub async fn declare(channel: &Channel) -> lapin::Result<Queue> {
    let durable = QueueDeclareOptions::durable();
    let mut arguments = FieldTable::default();
    let quorum = AMQPValue::LongString("quorum".into());
    arguments.insert("x-queue-type".into(), quorum);
    channel.queue_declare(CLICKS.into(), durable, arguments).await
}
// ANCHOR_END: declare
