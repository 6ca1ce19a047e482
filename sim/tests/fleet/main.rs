//! The fleet under faults, with objects of its own: an echo that answers every ping of its stream
//! with a pong, a bell that rings, and a visitor that speaks HTTP.
//!
//! - [`worlds`]: many worlds of the echo, by seed. [`faults`]: each fault alone, by decision.
//! - [`objects`], [`clocks`], [`network`]: what lasts, and is lifted when the world is healed.
//! - [`hang`]: a world in which time stands still. [`in_full`]: traces with all that is written.
//! - [`lifetimes`]: what is written down of each incarnation.
//! - [`levels`]: how many faults there are. [`stalls`]: who waits for whom, when nothing moves.

mod bell;
mod clocks;
mod decided;
mod echo;
mod faults;
mod hang;
mod in_full;
mod levels;
mod lifetimes;
mod network;
mod objects;
mod stalls;
mod visit;
mod worlds;
