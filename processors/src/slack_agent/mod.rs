//! One Slack thread as an agent's conversation (spec §5.9): messages become the agent's input, and
//! the thread shows that the agent is at work.
//!
//! - [`contract`]: events and state.
//! - [`webhook`]: what a webhook means to the agent.
//! - [`command`]: bang-commands, which become scripts.
//! - [`rendering`]: what the model reads of a webhook.
//! - [`tools`]: what scripts may ask about the thread.
//! - [`signal`]: eyes and status, shown in the thread as far as Slack lets us.
//! - [`processor`]: reducer and effects. [`object`]: its host.

pub mod command;
pub mod contract;
pub mod object;
pub mod processor;
pub mod rendering;
pub mod signal;
pub mod tools;
pub mod webhook;
