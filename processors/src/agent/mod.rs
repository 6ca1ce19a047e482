//! The agent (spec §5.1): collects inputs, decides when the model is asked, and what it is told.
//!
//! - [`contract`]: event types, payloads, state.
//! - [`reducer`]: the state as a fold of the stream; providers fold it too.
//! - [`decision`]: the next step, from the state alone.
//! - [`oversight`]: what an agent with a known bug fails to see. `haste`: what it decides too soon.
//! - [`transaction`]: decide and append against one head; providers finish through it too.
//! - [`processor`]: batches, alarm, hand-off.
//! - [`object`], [`setup`]: the object that hosts it; what a new agent starts with.
//! - [`selection`], [`partial`]: what it shares with providers: which of them answers, and what the
//!   model has said so far.
//! - `debounce`, `rendering`: its timer; what the model is told of events. [`block`]: in which form.

pub mod block;
pub mod contract;
mod debounce;
pub mod decision;
mod haste;
pub mod object;
pub mod oversight;
pub mod partial;
pub mod processor;
pub mod reducer;
mod rendering;
pub mod selection;
pub mod setup;
pub mod transaction;

pub use processor::AgentProcessor;
