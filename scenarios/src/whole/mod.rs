//! The whole platform at once: every processor, every domain object and every service, in three projects.
//!
//! - [`people`]: what is done in a project, and by whom.
//! - [`model`]: what the models say.
//! - [`scenario`]: the scenario, its goals, and all that judges it.

mod model;
mod people;
mod scenario;

pub use scenario::WholePlatform;
