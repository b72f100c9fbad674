//! The event: somebody followed a short link.

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, PublisherConfirm};
use serde::{Deserialize, Serialize};

use crate::queue::CLICKS;

/// RabbitMQ's mark for a message that has to survive a restart.
const PERSISTENT: u8 = 2;

// ANCHOR: click
/// Somebody followed a short link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// Made once, where the click happened. A click that is sent
    /// again keeps it.
    pub id: String,
    /// The short link's code.
    pub code: String,
}
// ANCHOR_END: click

impl Click {
    /// Clicks on one link. The same numbers give the same ids.
    pub fn numbered(
        code: &str,
        numbers: std::ops::Range<u32>,
    ) -> Vec<Click> {
        numbers
            .map(|n| Click {
                id: format!("{code}-{n}"),
                code: code.to_owned(),
            })
            .collect()
    }

    // ANCHOR: send
    /// Sends it. The broker's answer comes later, by the value that
    /// this gives back.
    pub async fn send(
        &self,
        channel: &Channel,
        options: BasicPublishOptions,
    ) -> lapin::Result<PublisherConfirm> {
        let (queue, body) = (CLICKS.into(), self.to_json());
        let (body, about) = (body.as_bytes(), self.properties());
        channel
            .basic_publish("".into(), queue, options, body, about)
            .await
    }
    // ANCHOR_END: send

    // ANCHOR: properties
    fn properties(&self) -> BasicProperties {
        BasicProperties::default()
            .with_message_id(self.id.clone().into())
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
    }
    // ANCHOR_END: properties

    /// Its body.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads a message's body.
    pub fn from_json(body: &[u8]) -> Result<Click, serde_json::Error> {
        serde_json::from_slice(body)
    }
}
