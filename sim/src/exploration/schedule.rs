//! Schedules: a numbered list of plans, a pure function of its settings.
//!
//! Worlds go round-robin over the scenarios and every scenario gets the same seeds, in ascending
//! order. A shard takes every N-th seed, so all shards of a sweep together run exactly the worlds
//! of the sweep that is not sharded, each of them once.

use crate::{
    scenario::Scenario,
    world::{FaultLevel, Plan, Strategy},
};
use runtime::quirk::Quirks;

/// One part of a sweep: the seeds whose place in the sweep is `index`, modulo `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0, below `count`.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

impl Shard {
    /// The sweep as a whole.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };
}

/// What all worlds of a sweep have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub quirks: Quirks,
    pub faults: FaultLevel,
    pub strategy: Strategy,
}

impl Settings {
    pub fn plan(&self, scenario: &'static dyn Scenario, seed: u64) -> Plan {
        Plan {
            quirks: self.quirks,
            faults: self.faults,
            strategy: self.strategy,
            ..Plan::new(scenario, seed)
        }
    }
}

/// The worlds of a sweep.
#[derive(Clone)]
pub struct Schedule {
    pub scenarios: Vec<&'static dyn Scenario>,
    pub first_seed: u64,
    /// Worlds of the whole sweep, all shards together.
    pub worlds: u64,
    pub shard: Shard,
    pub settings: Settings,
}

impl Schedule {
    /// The `n`-th world of this shard, from 0; `None` past the last one.
    pub fn plan(&self, n: u64) -> Option<Plan> {
        let scenarios = self.scenarios.len() as u64;
        let round = n.checked_div(scenarios)?;
        let place = n % scenarios;
        let seed_number = round
            .checked_mul(self.shard.count)?
            .checked_add(self.shard.index)?;
        let number = seed_number.checked_mul(scenarios)?.checked_add(place)?;
        if number >= self.worlds {
            return None;
        }
        let seed = self.first_seed.checked_add(seed_number)?;
        Some(self.settings.plan(self.scenarios[place as usize], seed))
    }

    /// How many worlds this shard has.
    pub fn len(&self) -> u64 {
        let scenarios = self.scenarios.len() as u64;
        if scenarios == 0 {
            return 0;
        }
        // Seeds that every scenario gets, then the last, incomplete round of the whole sweep.
        let (rounds, rest) = (self.worlds / scenarios, self.worlds % scenarios);
        let Shard { index, count } = self.shard;
        let mine = rounds / count + u64::from(rounds % count > index);
        let last_is_mine = rounds % count == index;
        let worlds = mine * scenarios + if last_is_mine { rest } else { 0 };
        let seeds_to_the_end = u64::MAX - self.first_seed;
        match seeds_to_the_end.checked_sub(index) {
            Some(left) => worlds.min((left / count).saturating_add(1).saturating_mul(scenarios)),
            None => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::tests::{Named, SETTINGS};
    use super::*;

    static ONE: Named = Named("one");
    static TWO: Named = Named("two");

    fn schedule(worlds: u64, shard: Shard) -> Schedule {
        Schedule {
            scenarios: vec![&ONE, &TWO],
            first_seed: 10,
            worlds,
            shard,
            settings: SETTINGS,
        }
    }

    fn worlds_of(schedule: &Schedule) -> Vec<(&'static str, u64)> {
        (0..)
            .map_while(|n| schedule.plan(n))
            .map(|plan| (plan.scenario.name(), plan.seed))
            .collect()
    }

    #[test]
    fn worlds_go_round_robin_over_the_scenarios() {
        let worlds = worlds_of(&schedule(5, Shard::WHOLE));
        let expected = [
            ("one", 10),
            ("two", 10),
            ("one", 11),
            ("two", 11),
            ("one", 12),
        ];
        assert_eq!(worlds, expected);
    }

    #[test]
    fn the_shards_together_run_every_world_once() {
        for total in 0..20 {
            let mut sharded = Vec::new();
            for index in 0..3 {
                let shard = schedule(total, Shard { index, count: 3 });
                let worlds = worlds_of(&shard);
                assert_eq!(worlds.len() as u64, shard.len(), "{index}/3 of {total}");
                sharded.extend(worlds);
            }
            sharded.sort();
            let mut whole = worlds_of(&schedule(total, Shard::WHOLE));
            whole.sort();
            assert_eq!(sharded, whole);
        }
    }

    #[test]
    fn seeds_end_at_the_largest() {
        let mut schedule = schedule(u64::MAX, Shard::WHOLE);
        schedule.first_seed = u64::MAX - 1;
        assert_eq!(worlds_of(&schedule).len(), 4);
        assert_eq!(schedule.len(), 4);
    }

    #[test]
    fn no_scenario_means_no_world() {
        let mut schedule = schedule(5, Shard::WHOLE);
        schedule.scenarios.clear();
        assert!(schedule.is_empty() && schedule.plan(0).is_none());
    }
}
