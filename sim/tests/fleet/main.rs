//! The fleet under faults, with a processor of its own: an echo that answers every ping of its
//! stream with a pong.

mod echo;
mod worlds;
