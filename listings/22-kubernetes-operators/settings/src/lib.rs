//! Settings of the link shortener, kept in ConfigMaps: the three ways in which every program uses the Kubernetes API.
//!
//! | module | what lives there |
//! |---|---|
//! | [`list`] | what is there now |
//! | [`watch`] | what changes from now on |
//! | [`apply`] | what should be there |

// ANCHOR: modules
pub mod apply;
pub mod list;
pub mod watch;
// ANCHOR_END: modules
