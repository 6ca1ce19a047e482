//! Over a few hundred worlds everything that may happen does: each fault fires, each goal is
//! reached, and each oracle of each scenario has something to judge. What a pass does not mean: that any two of them happened together.

use scenarios::registry;
use sim::{
    choice::Site,
    exploration::{
        engine::{self, Limits, Observer, World},
        tally::Tally,
    },
    world::{run, FaultLevel, Plan, Strategy},
};
use std::{num::NonZeroUsize, ops::ControlFlow};

/// Of each scenario.
const WORLDS: u64 = 80;

#[derive(Default)]
struct Coverage {
    tally: Tally,
    failures: Vec<String>,
}

impl Observer for Coverage {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        let World { plan, outcome } = &world;
        if let Some(failure) = &outcome.failure {
            let (scenario, faults) = (plan.scenario.name(), plan.faults);
            let world = format!("{scenario}, seed {}, {faults:?}: {failure}", plan.seed);
            self.failures.push(world);
        }
        self.tally.add(world);
        ControlFlow::Continue(())
    }
}

/// Swarm worlds are what a sweep runs; in a storm every fault is on, at four times its rate.
fn plan(n: u64) -> Option<Plan> {
    let scenarios = registry::scenarios();
    let (seed, place) = (n / scenarios.len() as u64, n % scenarios.len() as u64);
    let (faults, strategy) = match seed % 2 {
        0 => (FaultLevel::Swarm, Strategy::Swarm),
        _ => (FaultLevel::Storm, Strategy::Random),
    };
    (seed < WORLDS).then(|| Plan {
        faults,
        strategy,
        keep: true,
        ..Plan::new(scenarios[place as usize], seed)
    })
}

#[test]
fn every_fault_fires_every_goal_is_reached_and_every_oracle_has_something_to_judge() {
    let limits = Limits {
        jobs: NonZeroUsize::new(2).expect("not zero"),
        budget: None,
    };
    let mut coverage = Coverage::default();
    engine::explore(plan, limits, run, &mut coverage).expect("the harness holds");
    assert_eq!(coverage.failures, [] as [String; 0]);
    let tally = coverage.tally;
    let fired = |site: &Site| tally.fired.get(site.name).copied().unwrap_or(0);
    let silent: Vec<&str> = (registry::fault_sites().into_iter())
        .filter(|site| fired(site) == 0)
        .map(|site| site.name)
        .collect();
    assert_eq!(silent, [] as [&str; 0], "these never fired");
    assert_eq!(tally.missed_goals(), [], "these were never reached");
    assert_eq!(tally.idle_oracles(), [], "these had nothing to judge");
    assert_eq!(tally.scenarios.len(), registry::scenarios().len());
}
