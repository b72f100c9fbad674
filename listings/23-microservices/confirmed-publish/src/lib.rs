//! Publish to RabbitMQ so that nothing is lost.
