//! The fleet under faults, with objects of its own: an echo that answers every ping of its stream
//! with a pong, and a bell that rings.
//!
//! - [`worlds`]: many worlds of the echo, by seed. [`faults`]: each fault alone, by decision.

mod bell;
mod decided;
mod echo;
mod faults;
mod worlds;
