//! Streams (spec §1).

mod announcing;
mod append;
mod boot;
mod core_state;
mod costs;
mod delivery;
mod dialing;
mod envelope;
mod forwarding;
mod idle;
mod lifecycle;
mod recovery;
mod refused_writes;
mod surface;
