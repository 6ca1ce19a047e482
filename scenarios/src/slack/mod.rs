//! Scenarios of Slack conversations.

mod busy_threads;
mod first_message;
mod platform;
pub mod poster;
mod posts;
mod threads;

pub use busy_threads::BusyThreads;
pub use first_message::FirstMessage;
pub use posts::SlackPosts;
