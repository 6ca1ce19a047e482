//! Scenarios of Slack conversations.

mod busy_threads;
mod cutover;
mod first_message;
pub mod model;
pub(crate) mod platform;
mod posts;
pub(crate) mod threads;

pub use busy_threads::BusyThreads;
pub use cutover::Cutover;
pub use first_message::FirstMessage;
pub use posts::SlackPosts;
