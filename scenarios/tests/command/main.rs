//! The `streamsim` command from outside, as its users start it.

mod against;
mod binary;
mod capsules;
mod check_and_bench;
mod environment;
mod explore;
mod failures;
mod hunt;
mod refusals;
mod run;
mod sweep;
