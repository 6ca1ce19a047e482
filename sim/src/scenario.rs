//! Scenarios: a workload, the services around it, and what must have been reached.

/// Something that must have happened in some world of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    pub name: &'static str,
    pub about: &'static str,
}

pub trait Scenario: Sync {
    fn name(&self) -> &'static str;

    /// One sentence for `streamsim list`.
    fn about(&self) -> &'static str;

    fn goals(&self) -> &'static [Goal];
}
