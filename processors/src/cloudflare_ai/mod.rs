//! Workers AI over its REST API (spec §5.4, peers §3.1): executes the model requests that an agent asks
//! for. What it does about a request is in `model_request`; here is how it asks.
//!
//! - [`contract`]: event types, payloads, state.
//! - [`processor`]: claims open requests, and executes them side by side.
//! - [`client`]: one call of the service. - [`response`]: what is sent and understood.

pub mod client;
pub mod contract;
pub mod processor;
pub mod response;

pub use client::{WorkersAiEndpoint, WorkersAiError};
pub use processor::CloudflareAiProcessor;
