//! Over a few hundred worlds everything that may happen does: each fault fires, each goal is
//! reached. What a pass does not mean: that any two of them happened together.

use scenarios::registry;
use sim::{
    exploration::engine::{self, Limits, Observer, World},
    world::{run, FaultLevel, Plan, Strategy},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    ops::ControlFlow,
};

/// Of each scenario.
const WORLDS: u64 = 80;

#[derive(Default)]
struct Coverage {
    /// How often each fault fired, by site.
    fired: BTreeMap<&'static str, u64>,
    /// `scenario/goal`.
    reached: BTreeSet<String>,
    failures: Vec<String>,
}

impl Observer for Coverage {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, World { plan, outcome }: World) -> ControlFlow<()> {
        let scenario = plan.scenario.name();
        for decision in outcome.decisions {
            *self.fired.entry(decision.site.name).or_insert(0) += 1;
        }
        let goals = outcome.goals.iter();
        self.reached
            .extend(goals.map(|goal| format!("{scenario}/{goal}")));
        if let Some(failure) = outcome.failure {
            let faults = plan.faults;
            let world = format!("{scenario}, seed {}, {faults:?}: {failure}", plan.seed);
            self.failures.push(world);
        }
        ControlFlow::Continue(())
    }
}

/// Swarm worlds are what a sweep runs; in a storm every fault is on, at four times its rate; and only
/// without limits there is what is beyond repair.
fn plan(n: u64) -> Option<Plan> {
    let scenarios = registry::scenarios();
    let (seed, place) = (n / scenarios.len() as u64, n % scenarios.len() as u64);
    let (faults, strategy) = match seed % 4 {
        0 | 2 => (FaultLevel::Swarm, Strategy::Swarm),
        1 => (FaultLevel::Storm, Strategy::Random),
        _ => (FaultLevel::Unlimited, Strategy::Swarm),
    };
    (seed < WORLDS).then(|| Plan {
        faults,
        strategy,
        keep: true,
        ..Plan::new(scenarios[place as usize], seed)
    })
}

#[test]
fn every_fault_fires_and_every_goal_is_reached() {
    let limits = Limits {
        jobs: NonZeroUsize::new(2).expect("not zero"),
        budget: None,
    };
    let mut coverage = Coverage::default();
    engine::explore(plan, limits, run, &mut coverage).expect("the harness holds");
    assert_eq!(coverage.failures, [] as [String; 0]);
    let silent: Vec<&str> = (registry::fault_sites().into_iter())
        .map(|site| site.name)
        .filter(|name| !coverage.fired.contains_key(name))
        .collect();
    assert_eq!(silent, [] as [&str; 0], "these never fired");
    for scenario in registry::scenarios() {
        for goal in scenario.goals() {
            let goal = format!("{}/{}", scenario.name(), goal.name);
            assert!(coverage.reached.contains(&goal), "{goal} was never reached");
        }
    }
}
