//! Scenarios and the `streamsim` command.
//!
//! - [`property`]: property tests of whole worlds.
//! - [`regressions`]: capsules that are kept, and replayed by the tests.
//! - [`registry`]: every scenario, fault site and oracle, by name.
//! - [`agent`], [`codemode`], [`models`], [`project`], [`slack`], [`streams`], [`whole`]: the scenarios;
//!   [`properties`]: oracles that know the domain;
//!   [`readings`]: of the evidence, for all.
//! - [`stream_costs`]: what an event costs, by the length of its stream.
//! - [`hunts`]: which scenario finds which known bug, and by which failure.
//! - [`capsules`]: failing worlds, written down and read again.
//! - [`log_view`]: streams' event logs as text, for terminals and snapshots.
//! - [`command`]: the command line. Start there.

pub mod agent;
pub mod capsules;
pub mod codemode;
pub mod command;
pub mod hunts;
pub mod log_view;
pub mod models;
mod palette;
pub mod project;
pub mod properties;
pub mod property;
pub mod readings;
pub mod registry;
pub mod regressions;
pub mod slack;
pub mod stream_costs;
pub mod streams;
pub mod whole;
