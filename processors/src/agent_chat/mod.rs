//! Chat with an agent (spec §5.2): what a user writes, and what is answered, becomes what the model
//! reads.
//!
//! - [`contract`]: event types and payloads. - [`processor`]: what it does. Hosted by the Agent object.

pub mod contract;
pub mod processor;

pub use processor::AgentChatProcessor;
