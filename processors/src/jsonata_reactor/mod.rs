//! The JSONata reactor (spec §5.5): rules, configured by events, that make events of events.
//!
//! - [`contract`]: its one event, and the rules.
//! - [`reaction`]: what a rule makes of an event.
//! - [`processor`]: which rules apply, in which order, and until when.
//! - [`object`]: its host, for streams that have no other. The Agent object's root hosts it itself.

pub mod contract;
pub mod object;
pub mod processor;
pub mod reaction;
mod rules;

pub use processor::JsonataReactor;
