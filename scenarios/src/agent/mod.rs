//! Scenarios of agents and their model, without Slack: clients append to an agent's stream.
//!
//! - [`platform`]: what they share. [`people`], [`operator`], [`browser`]: who talks to agents, who runs
//!   them, who looks on.
//! - The others are one scenario each.

mod alone;
mod attach;
mod browser;
mod failures;
mod interrupts;
pub(crate) mod operator;
pub(crate) mod people;
pub(crate) mod platform;
pub(crate) mod project;
pub(crate) mod providers;
mod restarts;

pub use alone::Alone;
pub use attach::Attach;
pub use failures::Failures;
pub use interrupts::Interrupts;
pub use project::Project;
pub use providers::Providers;
pub use restarts::Restarts;
