//! Short links over gRPC, kept in PostgreSQL.
//!
//! | pattern | where |
//! |---|---|
//! | configuration, refused by name | [`settings`] |
//! | a bounded pool, migrations, a connection that is not used again after a query was given up | [`store`] |
//! | does the database answer? | [`pulse`] |
//! | what can go wrong, by what a client can do about it | [`failure`] |
//! | how many requests are in flight | [`flights`] |
//! | all that knows gRPC: the trait, deadlines, statuses, health | [`transport`] |
//! | serving, and stopping without cutting anybody off | [`server`] |

// ANCHOR: modules
pub mod failure; // what can go wrong, for a client
pub mod flights; // how many requests are in flight
pub mod pulse; // does the database answer?
pub mod server; // serving and stopping
pub mod settings; // what an operator can set
pub mod store; // links in PostgreSQL
pub mod transport; // all that knows gRPC
// ANCHOR_END: modules
