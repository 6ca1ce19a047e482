//! The example processor (spec §1.14): echoes events. A fixture for tests and scenarios.
//!
//! - [`contract`]: events and state. - [`processor`]: reducer and effect. - [`object`]: its host.

pub mod contract;
pub mod object;
pub mod processor;

pub use processor::EchoProcessor;
