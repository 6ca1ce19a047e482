//! The tool provider `["slack"]`: what a script calls as `ctx.slack.chat.postMessage(…)` (spec §5.9,
//! §5.10), served by the Slack integration's object.
//!
//! A script's call reaches Slack once, as far as that can be found out. Slack has no idempotency and
//! a lost reply says nothing (peers §0.1, P1 to P4), so what is begun is written down before it is
//! done, a post carries a marker of the call that it comes from, and whoever does not know what became
//! of a post looks for that marker before posting again. A call that is made again, with the same id,
//! is the same call.
//!
//! - [`call`]: a script's call, as codemode dispatches it.
//! - [`repetition`]: which methods may be repeated, and how.
//! - [`journal`]: what was begun and what came of it, in the object's storage.
//! - [`marker`]: the mark on a post. [`thread`]: looking for it.
//! - [`limits`]: the client, within Slack's limits and our own pace.
//! - [`post`], [`update`], [`repeat`]: the three ways of calling. [`pieces`]: long texts.
//! - [`provider`]: takes calls, and sees each to its end. Start there.

pub mod call;
pub mod journal;
pub mod limits;
pub mod marker;
pub mod pieces;
pub mod post;
pub mod provider;
pub mod repeat;
pub mod repetition;
pub mod thread;
pub mod update;

pub use provider::{SlackTools, INSTRUCTIONS};
