//! OpenAI over WebSocket (spec §5.4): executes the model requests that an agent asks for.
//!
//! - [`contract`]: event types, payloads, state.
//! - [`processor`]: claims open requests, from batches and the alarm.
//! - `reconciliation`: what a batch makes it take up.
//! - `execution`: one conversation with the service. Start there.
//! - [`response`]: the JSON that is sent and understood. `socket`, `line`: what carries it.

pub mod contract;
mod execution;
mod line;
pub mod processor;
mod reconciliation;
pub mod response;
mod socket;

pub use crate::model_request::interruption::SILENCE_MS_MAX;
pub use processor::OpenAiWsProcessor;
pub use socket::{OpenAiEndpoint, SocketError};
