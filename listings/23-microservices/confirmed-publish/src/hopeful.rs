//! Publishing in the hope that all goes well.

use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation};

use crate::click::Click;

// ANCHOR: publish
/// Publishes clicks and counts those that went well, it thinks.
pub async fn publish(
    channel: &Channel,
    clicks: &[Click],
) -> lapin::Result<usize> {
    let mut published = 0;
    for click in clicks {
        let options = BasicPublishOptions::default();
        let confirm = click.send(channel, options).await?;
        let answer: Confirmation = confirm.await?;
        tracing::debug!(click.id, ?answer, "published");
        published += 1;
    }
    Ok(published)
}
// ANCHOR_END: publish
