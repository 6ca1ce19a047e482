//! A tally: what the worlds of a sweep came to, counted in the order of their plans.
//!
//! Failures are grouped by key, and only the first world of each group is held on to. A goal that
//! no world of its scenario reached is missed, and an oracle that found nothing to judge in any of
//! them is idle; either makes the sweep vacuous in that respect.

use super::engine::World;
use crate::scenario::Scenario;
use indexmap::IndexMap;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Tally {
    /// By name, in the order in which they first ran.
    pub scenarios: IndexMap<&'static str, ScenarioTally>,
    /// By key, in the order in which they were first seen.
    pub failures: IndexMap<String, FailureGroup>,
    /// Simulated time of all worlds together.
    pub sim_ms: u64,
    /// Events committed to streams, of all worlds together.
    pub stream_events: u64,
    /// How often each fault fired, by site; those that never did are absent.
    pub fired: BTreeMap<&'static str, u64>,
}

pub struct ScenarioTally {
    pub scenario: &'static dyn Scenario,
    pub worlds: u64,
    pub failed: u64,
    /// How many worlds reached each of the scenario's goals.
    pub goals: BTreeMap<&'static str, u64>,
    /// How many cases each of the scenario's oracles judged.
    pub exercised: BTreeMap<&'static str, u64>,
}

/// The worlds that failed with one key.
pub struct FailureGroup {
    pub count: u64,
    /// The first of them; its outcome has a failure.
    pub first: World,
}

/// A goal that no world of its scenario reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedGoal {
    pub scenario: &'static str,
    pub goal: &'static str,
}

/// An oracle that no world of its scenario gave anything to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleOracle {
    pub scenario: &'static str,
    pub oracle: &'static str,
}

impl Tally {
    pub fn add(&mut self, world: World) {
        let World { plan, outcome } = &world;
        self.sim_ms += outcome.sim_ms;
        self.stream_events += outcome.stream_events;
        let entry = self
            .scenarios
            .entry(plan.scenario.name())
            .or_insert_with(|| ScenarioTally::new(plan.scenario));
        entry.worlds += 1;
        entry.failed += u64::from(outcome.failure.is_some());
        for goal in &outcome.goals {
            *entry.goals.entry(goal).or_insert(0) += 1;
        }
        add_up(&mut entry.exercised, &outcome.exercised);
        add_up(&mut self.fired, &outcome.fired);
        let Some(failure) = &outcome.failure else {
            return;
        };
        match self.failures.get_mut(&failure.key) {
            Some(group) => group.count += 1,
            None => {
                let key = failure.key.clone();
                let group = FailureGroup {
                    count: 1,
                    first: world,
                };
                self.failures.insert(key, group);
            }
        }
    }

    pub fn worlds(&self) -> u64 {
        self.scenarios.values().map(|entry| entry.worlds).sum()
    }

    pub fn failed(&self) -> u64 {
        self.scenarios.values().map(|entry| entry.failed).sum()
    }

    pub fn missed_goals(&self) -> Vec<MissedGoal> {
        let missed = |entry: &ScenarioTally| never(entry.scenario, &entry.goals);
        let missed = self.scenarios.values().flat_map(missed);
        missed
            .map(|(scenario, goal)| MissedGoal { scenario, goal })
            .collect()
    }

    pub fn idle_oracles(&self) -> Vec<IdleOracle> {
        let idle = |entry: &ScenarioTally| never(entry.scenario, &entry.exercised);
        let idle = self.scenarios.values().flat_map(idle);
        idle.map(|(scenario, oracle)| IdleOracle { scenario, oracle })
            .collect()
    }

    /// Something that should have happened never did.
    pub fn is_vacuous(&self) -> bool {
        self.worlds() == 0 || !self.missed_goals().is_empty() || !self.idle_oracles().is_empty()
    }
}

fn add_up(sums: &mut BTreeMap<&'static str, u64>, counts: &BTreeMap<&'static str, u64>) {
    for (name, count) in counts {
        *sums.entry(name).or_insert(0) += count;
    }
}

/// The scenario's name, with each name that was counted 0 times.
fn never(
    scenario: &'static dyn Scenario,
    counts: &BTreeMap<&'static str, u64>,
) -> Vec<(&'static str, &'static str)> {
    let never = counts.iter().filter(|(_, count)| **count == 0);
    never.map(|(name, _)| (scenario.name(), *name)).collect()
}

impl ScenarioTally {
    fn new(scenario: &'static dyn Scenario) -> Self {
        ScenarioTally {
            scenario,
            worlds: 0,
            failed: 0,
            goals: scenario.goals().iter().map(|goal| (goal.name, 0)).collect(),
            exercised: (scenario.oracles().iter())
                .map(|oracle| (oracle.name(), 0))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::tests::{fake_run, Named};
    use super::*;
    use crate::world::Plan;

    static FAKE: Named = Named("fake");

    fn tally(seeds: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::default();
        for seed in seeds {
            let plan = Plan::new(&FAKE, seed);
            let outcome = fake_run(&plan);
            tally.add(World { plan, outcome });
        }
        tally
    }

    #[test]
    fn failures_are_grouped_by_key_with_their_first_world() {
        let tally = tally(1..=60);
        assert_eq!((tally.worlds(), tally.failed()), (60, 6));
        let groups: Vec<_> = (tally.failures.iter())
            .map(|(key, group)| (key.as_str(), group.count, group.first.plan.seed))
            .collect();
        assert_eq!(groups, [("fake/10", 3, 10), ("fake/0", 3, 20)]);
    }

    #[test]
    fn a_goal_that_no_world_reached_is_missed() {
        let missed = MissedGoal {
            scenario: "fake",
            goal: "even-seed",
        };
        assert_eq!(tally([1, 3]).missed_goals(), [missed]);
        assert_eq!(tally([1, 2]).missed_goals(), []);
    }

    #[test]
    fn an_oracle_that_no_world_gave_anything_to_judge_is_idle() {
        let idle = IdleOracle {
            scenario: "fake",
            oracle: "odd-seed",
        };
        let even = tally([2, 4]);
        assert_eq!(even.idle_oracles(), [idle]);
        assert!(even.is_vacuous());
        let both = tally([1, 2, 3]);
        assert_eq!(both.idle_oracles(), []);
        assert_eq!(both.scenarios["fake"].exercised["odd-seed"], 2);
        assert!(!both.is_vacuous());
        assert!(tally([]).is_vacuous());
    }

    #[test]
    fn the_faults_of_all_worlds_are_added_up() {
        assert_eq!(tally(1..=3).fired, BTreeMap::from([("rpc.delay", 6)]));
    }
}
