//! Slack's way in: the router that gives every Slack thread a stream of its own (spec §5.8).
//!
//! - [`contract`]: the integration's events.
//! - [`webhook`]: reading a webhook body, in which every field may be missing.
//! - [`route`]: which thread a webhook belongs to, and where a new thread goes.
//! - [`bootstrap`]: what a new thread's stream starts with.
//! - [`processor`]: forwards each webhook to its thread's stream.
//! - [`object`]: the integration itself; takes webhooks from the edge. Start there.

pub mod bootstrap;
pub mod contract;
pub mod object;
pub mod processor;
pub mod route;
pub mod webhook;
