//! Scenarios of streams and their subscribers, without a domain.
//!
//! - [`platform`]: what they share. [`faltering`]: a processor that fails when it is told to.
//! - [`follower`]: an outside subscriber.
//! - The others are one scenario each.

mod faltering;
mod flood;
mod follower;
mod idle;
mod late_subscribers;
mod legacy;
mod long_past;
mod paused;
pub(crate) mod platform;
mod poison;
mod reset;
mod tree;
mod two_writers;

pub use flood::Flood;
pub use idle::Idle;
pub use late_subscribers::LateSubscribers;
pub use legacy::Legacy;
pub use long_past::LongPast;
pub use paused::Paused;
pub use poison::Poison;
pub use reset::Reset;
pub use tree::Tree;
pub use two_writers::TwoWriters;
