//! Scenarios of codemode, without models and Slack: clients ask for scripts, and call functions.
//!
//! - [`platform`]: the classes of objects, the reducers, how a session comes to be.
//! - [`workshop`]: a provider over rpc, whose effects are counted. [`clerk`]: one that answers events.
//! - [`people`]: who asks, and for what. - [`scripts`]: the scenario.

mod clerk;
mod people;
mod platform;
mod scripts;
pub mod workshop;

pub use scripts::Scripts;
