//! Scenarios of projects: how they come about, and what their rules do.
//!
//! - [`lifecycle`]: projects and repos are created, again and at the same time.
//! - [`reactions`]: rules react to a flood. [`rules`]: what they mean.

pub(crate) mod lifecycle;
mod reactions;
pub(crate) mod rules;

pub use lifecycle::ProjectLifecycle;
pub(crate) use lifecycle::{Answer, Answered};
pub use reactions::JsonataReactions;
