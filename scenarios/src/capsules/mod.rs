//! From a failing world to a capsule, from a capsule to a plan, and the files in which they lie.
//!
//! - [`capture()`]: writes a world down, by running it once more. [`playable()`]: what a capsule is to run.
//! - [`mod@file`]: whole files, or none. [`provenance`]: which build this is.

mod capture;
pub mod file;
mod playable;
mod provenance;

pub use capture::capture;
pub use playable::{playable, Playable, Unplayable};
