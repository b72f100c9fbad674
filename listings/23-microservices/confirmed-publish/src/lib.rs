//! The clicks of the link shortener, on their way through RabbitMQ: published so that none is lost, and counted so that
//! none counts twice.
//!
//! | module | what lives there |
//! |---|---|
//! | [`click`] | the event, as a message |
//! | [`queue`] | the queue that keeps it |
//! | [`hopeful`] | publishing as many tutorials do it: shown losing clicks |
//! | [`publisher`] | publishing until the broker has confirmed |
//! | [`counter`] | the consumer, which acknowledges what it has counted |
//! | [`ledger`] | what was counted, by the clicks' ids |
//! | [`patience`] | how long to wait, and how long in all |
//! | [`shutdown`] | SIGTERM and SIGINT |

// ANCHOR: modules
pub mod click;
pub mod counter;
pub mod hopeful;
pub mod ledger;
pub mod patience;
pub mod publisher;
pub mod queue;
pub mod shutdown;
// ANCHOR_END: modules
