//! Scenarios of agents and their model, without Slack: clients append to an agent's stream.
//!
//! - [`platform`]: what they share. [`browser`]: somebody who looks on.
//! - The others are one scenario each.

mod alone;
mod attach;
mod browser;
mod failures;
mod interrupts;
mod people;
mod platform;

pub use alone::Alone;
pub use attach::Attach;
pub use failures::Failures;
pub use interrupts::Interrupts;
