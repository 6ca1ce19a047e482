//! Over a thousand worlds at most, everything that may happen does: each fault fires, each goal is
//! reached, each oracle finds something to judge. The worlds end as soon as nothing is missing. What
//! a pass does not mean: that any two of them happened together.

use scenarios::registry;
use sim::{
    exploration::{
        engine::{self, Limits, Observer, World},
        tally::Tally,
    },
    world::{run, FaultLevel, Plan, Strategy},
};
use std::{num::NonZeroUsize, ops::ControlFlow};

/// Of all scenarios together.
const WORLDS_MAX: u64 = 1_000;

/// Faults that meet no client of any scenario: nobody uses lanes of a WebSocket, or asks on it twice at
/// once (peers §2.4). That they happen is shown by the tests of the peers.
const UNMET: [&str; 2] = ["peer.openai.queue-slow", "peer.openai.lane-error"];

#[derive(Default)]
struct Coverage {
    tally: Tally,
    failures: Vec<String>,
}

impl Coverage {
    /// What has not happened so far.
    fn missing(&self) -> Vec<String> {
        let sites = registry::fault_sites().into_iter().map(|site| site.name);
        let silent = sites
            .filter(|site| !self.tally.fired.contains_key(site))
            .filter(|site| !UNMET.contains(site));
        let goals = self.tally.missed_goals().into_iter();
        let oracles = registry::oracles().into_iter().map(|oracle| oracle.name);
        let exercised = |oracle: &&str| {
            let mut tallies = self.tally.scenarios.values();
            tallies.any(|tally| tally.exercised.get(oracle).is_some_and(|count| *count > 0))
        };
        silent
            .map(|site| format!("{site} never fired"))
            .chain(goals.map(|goal| format!("{}/{} was never reached", goal.scenario, goal.goal)))
            .chain(
                oracles
                    .filter(|oracle| !exercised(oracle))
                    .map(|oracle| format!("{oracle} never found anything to judge")),
            )
            .collect()
    }
}

impl Observer for Coverage {
    fn finished(&mut self, _: &World) {}

    fn deliver(&mut self, world: World) -> ControlFlow<()> {
        if let Some(failure) = &world.outcome.failure {
            let Plan {
                scenario,
                seed,
                faults,
                ..
            } = &world.plan;
            let name = scenario.name();
            self.failures
                .push(format!("{name}, seed {seed}, {faults:?}: {failure}"));
        }
        self.tally.add(world);
        let are_all_there = self.tally.scenarios.len() == registry::scenarios().len();
        match are_all_there && self.missing().is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
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
    (n < WORLDS_MAX).then(|| Plan {
        faults,
        strategy,
        ..Plan::new(scenarios[place as usize], seed)
    })
}

#[test]
fn every_fault_fires_every_goal_is_reached_and_every_oracle_is_exercised() {
    let limits = Limits {
        jobs: NonZeroUsize::new(2).expect("not zero"),
        budget: None,
        interrupt: None,
    };
    let mut coverage = Coverage::default();
    engine::explore(plan, limits, run, &mut coverage).expect("the harness holds");
    assert_eq!(coverage.failures, [] as [String; 0]);
    assert_eq!(coverage.missing(), [] as [String; 0]);
    for site in UNMET {
        let is_met = coverage.tally.fired.contains_key(site);
        assert!(!is_met, "{site} is met now: it is no exception any more");
    }
}
