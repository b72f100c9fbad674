//! The controller of `WebApp` objects: each becomes a Deployment and a Service.
//!
//! | module | what lives there |
//! |---|---|
//! | [`webapp`] | the custom resource: its fields, its rules, its status |
//! | [`children`] | what a `WebApp` becomes; no client, no clock |
//! | [`controller`] | the loop that makes it so |

pub mod children;
pub mod controller;
pub mod webapp;
