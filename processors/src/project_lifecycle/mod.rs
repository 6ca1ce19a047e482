//! A project (spec §5.6): what it is, as its root stream `/` tells.
//!
//! - [`contract`]: the events that tell of it. - [`processor`]: the projection.
//! - [`object`]: the Project object; how a project is created is in [`creation`](crate::creation).

pub mod contract;
pub mod object;
pub mod processor;

pub use processor::ProjectLifecycle;
