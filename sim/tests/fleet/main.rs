//! The fleet under faults, with objects of its own: an echo that answers every ping of its stream
//! with a pong, a bell that rings, and a visitor that speaks HTTP.
//!
//! - [`worlds`]: many worlds of the echo, by seed. [`faults`]: each fault alone, by decision.
//! - [`levels`]: how many faults there are. [`network`]: faults of calls and of the network.
//! - [`stalls`]: who waits for whom, when nothing moves.

mod bell;
mod decided;
mod echo;
mod faults;
mod levels;
mod network;
mod stalls;
mod visit;
mod worlds;
