//! A repo (spec §5.7): a project's source code, somewhere else; here is what is known of it.
//!
//! - [`contract`]: the event that tells of it. - [`processor`]: the projection.
//! - [`object`]: the Repo object; how a repo is created is in [`creation`](crate::creation).

pub mod contract;
pub mod object;
pub mod processor;

pub use processor::RepoProcessor;
