//! The agent (spec §5.1): collects inputs, decides when the model is asked, and what it is told.
//!
//! - [`contract`]: event types, payloads, state.

pub mod contract;
