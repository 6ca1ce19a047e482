//! What to run: everything that a world depends on.

use super::Operations;
use crate::{
    choice::{
        Budget, Bytes, Chooser, Forced, Met, Occurrences, Pct, Random, Recorded, Site, Swarm,
        Watched,
    },
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
    /// Few things, held back far; no other fault.
    Pct,
}

/// How many things [`Strategy::Pct`] holds back in a world, at most.
pub const PCT_DEPTH: u32 = 3;

/// Who answers the choices of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The plan's strategy, by its seed.
    ByStrategy,
    /// These decisions; everything else takes its default.
    Recorded(Vec<RecordedDecision>),
    /// Two byte strings, one for what operations are made of; when one is used up what is left takes
    /// its default.
    Bytes {
        operations: Arc<[u8]>,
        others: Arc<[u8]>,
    },
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
    /// The seed of madsim's own generator, in the place of the one that follows from the seed.
    pub scheduler_seed: Option<u64>,
    pub quirks: Quirks,
    pub faults: FaultLevel,
    pub strategy: Strategy,
    pub operations: Operations,
    pub answers: Answers,
    /// These decide, on top of the answers.
    pub forced: Vec<RecordedDecision>,
    /// Every choice that comes up at these sites is told by the outcome.
    pub watched: Vec<&'static Site>,
    /// Keep the trace's lines and the streams' logs for reading.
    pub keep: bool,
    /// The trace has what is written to storage as well: see [`crate::trace`].
    pub in_full: bool,
}

impl Plan {
    pub fn new(scenario: &'static dyn Scenario, seed: u64) -> Self {
        Plan {
            scenario,
            seed,
            scheduler_seed: None,
            quirks: Quirks::NONE,
            faults: FaultLevel::Swarm,
            strategy: Strategy::Swarm,
            operations: Operations::Drawn,
            answers: Answers::ByStrategy,
            forced: Vec::new(),
            watched: Vec::new(),
            keep: false,
            in_full: false,
        }
    }

    /// The seed of madsim's own generator: the pick among ready tasks.
    pub fn scheduler_seed(&self) -> u64 {
        self.scheduler_seed
            .unwrap_or_else(|| scheduler_seed(self.seed))
    }

    /// What the faults may take; none if they may take everything, or if what happens is recorded.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let is_recorded = matches!(self.answers, Answers::Recorded(_));
        let is_limited = self.faults != FaultLevel::Unlimited && !is_recorded;
        is_limited.then(|| self.scenario.budget())
    }

    /// The chooser of this world; what it notes while the world runs is shared with the second.
    /// `when` tells simulated time in microseconds and how long the trace is.
    pub(crate) fn chooser(
        &self,
        when: impl Fn() -> (u64, u64) + Send + 'static,
    ) -> (Box<dyn Chooser>, Noted) {
        let mut noted = Noted::default();
        let mut chooser = self.answering();
        if !self.forced.is_empty() {
            let forced = Forced::new(chooser, by_name(&self.forced));
            noted.met = forced.met();
            chooser = Box::new(forced);
        }
        if !self.watched.is_empty() {
            let sites = self.watched.clone();
            chooser = Box::new(Watched::new(
                chooser,
                sites,
                when,
                noted.occurrences.clone(),
            ));
        }
        (chooser, noted)
    }

    fn answering(&self) -> Box<dyn Chooser> {
        let scale = match self.faults {
            FaultLevel::None => 0.0,
            FaultLevel::Swarm | FaultLevel::Unlimited => 1.0,
            FaultLevel::Storm => 4.0,
        };
        match (&self.answers, self.strategy) {
            (Answers::Recorded(decisions), _) => Box::new(Recorded::new(by_name(decisions))),
            (Answers::Bytes { operations, others }, _) => {
                Box::new(Bytes::new(operations.clone(), others.clone()))
            }
            (Answers::ByStrategy, Strategy::Random) => Box::new(Random::scaled(self.seed, scale)),
            (Answers::ByStrategy, Strategy::Swarm) => Box::new(Swarm::scaled(self.seed, scale)),
            // It has no rates that a level could scale, but none is none.
            (Answers::ByStrategy, Strategy::Pct) => {
                let depth = if scale == 0.0 { 0 } else { PCT_DEPTH };
                Box::new(Pct::new(self.seed, depth))
            }
        }
    }
}

/// The seed of madsim's own generator that follows from a world's seed.
pub fn scheduler_seed(seed: u64) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED
}

/// What the choosers of a world noted while it ran.
#[derive(Clone, Default)]
pub(crate) struct Noted {
    /// Which of the forced decisions came up.
    pub met: Met,
    /// What came up at the watched sites.
    pub occurrences: Occurrences,
}

fn by_name(
    decisions: &[RecordedDecision],
) -> impl Iterator<Item = (String, Arc<str>, u32, u64)> + '_ {
    decisions.iter().map(|decision| {
        let RecordedDecision {
            site,
            subject,
            n,
            value,
        } = decision;
        (site.clone(), subject.clone(), *n, *value)
    })
}
