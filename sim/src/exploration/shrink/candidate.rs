//! Candidates: a failing world with something left out, or made smaller.

use crate::{
    choice::Decision,
    world::{Answers, Operations, Outcome, Plan, RecordedDecision, RecordedOperation},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// A world to try: what is done, and what goes other than usual.
#[derive(Clone, PartialEq)]
pub(super) struct Candidate {
    pub operations: Vec<RecordedOperation>,
    pub decisions: Vec<Decision>,
    pub scheduler_seed: u64,
}

impl Candidate {
    /// What came up in a world.
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        let operations = outcome.operations.iter();
        Candidate {
            operations: operations.map(|one| one.operation.clone()).collect(),
            decisions: outcome.decisions.clone(),
            scheduler_seed: plan.scheduler_seed(),
        }
    }

    pub fn plan(&self, base: &Plan) -> Plan {
        Plan {
            scheduler_seed: Some(self.scheduler_seed),
            operations: Operations::Recorded(self.operations.clone()),
            answers: Answers::Recorded(self.decisions.iter().map(recorded).collect()),
            ..base.clone()
        }
    }

    pub fn len(&self) -> usize {
        self.operations.len() + self.decisions.len()
    }

    /// No occurrence is decided twice.
    pub fn decides_once(&self) -> bool {
        let decisions = self.decisions.iter();
        let names = decisions.map(|one| (one.site.name, &one.subject, one.n));
        names.collect::<BTreeSet<_>>().len() == self.decisions.len()
    }

    /// Operations are numbered before decisions.
    pub fn without(&self, is_left_out: impl Fn(usize) -> bool) -> Self {
        let operations = self.operations.iter().enumerate();
        let first_decision = self.operations.len();
        let decisions = self.decisions.iter().enumerate();
        Candidate {
            operations: operations
                .filter(|(place, _)| !is_left_out(*place))
                .map(|(_, one)| one.clone())
                .collect(),
            decisions: decisions
                .filter(|(place, _)| !is_left_out(first_decision + *place))
                .map(|(_, one)| one.clone())
                .collect(),
            ..*self
        }
    }

    pub fn with_decision(&self, place: usize, change: impl FnOnce(&mut Decision)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.decisions[place]);
        changed
    }

    pub fn with_operation(&self, place: usize, does: Value) -> Self {
        let mut changed = self.clone();
        changed.operations[place].does = does;
        changed
    }
}

fn recorded(decision: &Decision) -> RecordedDecision {
    RecordedDecision {
        site: decision.site.name.to_owned(),
        subject: decision.subject.clone(),
        n: decision.n,
        value: decision.value,
    }
}
