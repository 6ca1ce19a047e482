//! Model requests, as every provider treats them (spec §5.4): openai-ws and cloudflare-ai differ in how
//! they ask, and in nothing else.
//!
//! - [`request`]: which requests are open, and the events that every provider has of its own.
//! - [`history`]: the fold that an execution reads: own state, agent's state, prompts.
//! - [`executions`]: who executes what here, from claim to terminal. Start there.
//! - [`outcome`]: how it ended, as one atomic batch.
//! - [`interruption`]: cancellation and silence.

pub mod executions;
pub mod history;
pub mod interruption;
pub mod outcome;
pub mod request;
