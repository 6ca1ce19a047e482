//! The edge worker: takes Slack's webhooks over HTTP and answers for them. It has no storage.
//!
//! - [`signature`]: is this from Slack, and fresh?
//! - [`delivery`]: what a verified body asks for.
//! - [`worker`]: one connection; start there.
//! - [`settings`]: whose webhooks these are, and the limits.

pub mod delivery;
pub mod settings;
pub mod signature;
mod worker;

pub use worker::serve_connection;
