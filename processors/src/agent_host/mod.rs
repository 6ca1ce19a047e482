//! What an agent does beside talking (spec §5.3): boots the agents of the streams below its own, and has
//! the scripts run that the model writes.
//!
//! - [`contract`]: what it consumes and keeps. - [`processor`]: what it does. - [`script`]: which answers
//!   are scripts. Hosted by the Agent object.

pub mod contract;
pub mod processor;
pub mod script;

pub use processor::AgentHostProcessor;
