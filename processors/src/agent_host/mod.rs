//! Boots agents (spec §5.3).
//!
//! - [`contract`]: what it consumes. - [`processor`]: what it does. Hosted by the Agent object.

pub mod contract;
pub mod processor;

pub use processor::AgentHostProcessor;
