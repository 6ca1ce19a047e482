//! Codemode (spec §5.10): scripts that a model, a person or a webhook asks for, and the functions that
//! they call.
//!
//! - [`contract`]: event types, payloads, state.

pub mod contract;
