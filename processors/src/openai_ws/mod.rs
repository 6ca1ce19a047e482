//! OpenAI over WebSocket (spec §5.4): executes the model requests that an agent asks for.
//!
//! - [`contract`]: event types, payloads, state.
//! - [`history`]: the fold that an execution reads: own state, agent's state, prompts.
//! - [`processor`]: claims open requests, from batches and the alarm.
//! - `reconciliation`: what a batch makes it take up.
//! - `execution`: one request, from reading to finishing. Start there.
//! - `outcome`: how it ended, as one atomic batch.
//! - [`response`]: the JSON that is sent and understood. `socket`, `line`: what carries it.
//! - `interruption`: cancellation and silence.

pub mod contract;
mod execution;
pub mod history;
mod interruption;
mod line;
mod outcome;
pub mod processor;
mod reconciliation;
pub mod response;
mod socket;

pub use interruption::SILENCE_MS_MAX;
pub use processor::OpenAiWsProcessor;
pub use socket::{OpenAiEndpoint, SocketError};
