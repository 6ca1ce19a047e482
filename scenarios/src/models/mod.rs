//! Scenarios of clients that ask the models' services directly, over the platform's HTTP client: no
//! agent, no stream. What the services do to such a client they may do to any processor.
//!
//! - [`clients`]: the scenario.
//! - [`client`]: one client: what it asks, how long it waits, when it asks again.
//! - [`answer`]: what it makes of a reply, whole or streamed.

mod answer;
mod client;
mod clients;

pub use client::{Asked, Outcome, Service, ASKED};
pub use clients::ModelClients;
