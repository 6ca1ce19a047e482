//! Streams (spec §1).

mod append;
mod boot;
mod core_state;
mod costs;
mod delivery;
mod dialing;
mod envelope;
mod forwarding;
mod lifecycle;
mod recovery;
mod surface;
