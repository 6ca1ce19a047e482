//! What to run: everything that a world depends on.

use crate::{
    choice::{Budget, Chooser, Random, Recorded, Swarm},
    scenario::Scenario,
};
use runtime::quirk::Quirks;
use std::sync::Arc;

/// How hard the faults hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultLevel {
    /// No faults at all.
    None,
    /// The seed switches fault kinds off and draws the rates of the rest; within the scenario's
    /// budget, so that all that it demands can be demanded.
    Swarm,
    /// Four times the swarm's rates, within the same budget.
    Storm,
    /// As swarm, without a budget: also what no product could repair. Only safety is judged: a
    /// world may lose what must happen, never do what must not.
    Unlimited,
}

/// Which chooser answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Every fault at its own rate.
    Random,
    /// Swarm testing.
    Swarm,
}

/// One recorded decision, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDecision {
    pub site: String,
    pub subject: Arc<str>,
    pub n: u32,
    pub value: u64,
}

/// One world: one scenario, one seed, one OS thread.
#[derive(Clone)]
pub struct Plan {
    pub scenario: &'static dyn Scenario,
    pub seed: u64,
    pub quirks: Quirks,
    pub faults: FaultLevel,
    pub strategy: Strategy,
    /// If given, these decide, and everything else takes its default.
    pub recorded: Option<Vec<RecordedDecision>>,
    /// Keep the trace's lines and the streams' logs for reading.
    pub keep: bool,
}

impl Plan {
    pub fn new(scenario: &'static dyn Scenario, seed: u64) -> Self {
        Plan {
            scenario,
            seed,
            quirks: Quirks::NONE,
            faults: FaultLevel::Swarm,
            strategy: Strategy::Swarm,
            recorded: None,
            keep: false,
        }
    }

    /// The seed of madsim's own generator: the pick among ready tasks.
    pub fn scheduler_seed(&self) -> u64 {
        self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED
    }

    /// What the faults may take; none if they may take everything, or if what happens is recorded.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let is_limited = self.faults != FaultLevel::Unlimited && self.recorded.is_none();
        is_limited.then(|| self.scenario.budget())
    }

    pub(crate) fn chooser(&self) -> Box<dyn Chooser> {
        if let Some(decisions) = &self.recorded {
            return Box::new(Recorded::new(decisions.iter().map(|decision| {
                (
                    decision.site.clone(),
                    decision.subject.clone(),
                    decision.n,
                    decision.value,
                )
            })));
        }
        let scale = match self.faults {
            FaultLevel::None => 0.0,
            FaultLevel::Swarm | FaultLevel::Unlimited => 1.0,
            FaultLevel::Storm => 4.0,
        };
        match self.strategy {
            Strategy::Random => Box::new(Random::scaled(self.seed, scale)),
            Strategy::Swarm => Box::new(Swarm::scaled(self.seed, scale)),
        }
    }
}
