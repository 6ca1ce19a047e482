//! The levels of faults, and what a budget leaves of them.

use crate::echo::{Echoes, Unanswered};
use futures_util::future::BoxFuture;
use runtime::object::Class;
use sim::{
    choice::{Budget, Role, Shape, Site},
    scenario::Scenario,
    world::{run, Answers, FaultLevel, Outcome, Plan, RecordedDecision},
};
use std::sync::Arc;

const WORLDS: u64 = 40;
const FAULTS_MAX: usize = 4;

/// The echo, with a small budget, and nobody to judge.
struct Frugal;

impl Scenario for Frugal {
    fn name(&self) -> &'static str {
        "frugal"
    }

    fn about(&self) -> &'static str {
        "an echo to which hardly anything may happen"
    }

    fn budget(&self) -> Budget {
        Budget {
            in_all: FAULTS_MAX as u32,
            sites: &[("crash.*", 1), ("rpc.delay", 0)],
        }
    }

    fn classes(&self) -> &'static [Class] {
        Echoes.classes()
    }

    fn workload(&self, world: Arc<sim::world::World>) -> BoxFuture<'static, ()> {
        Echoes.workload(world)
    }
}

fn world(scenario: &'static dyn Scenario, seed: u64, faults: FaultLevel) -> Outcome {
    let mut plan = Plan::new(scenario, seed);
    plan.faults = faults;
    plan.keep = true;
    run(&plan)
}

/// The sites of the faults that happened.
fn faults(outcome: &Outcome) -> Vec<&'static str> {
    let decisions = outcome.decisions.iter();
    let faults = decisions.filter(|decision| decision.site.role == Role::Fault);
    faults.map(|decision| decision.site.name).collect()
}

/// Those that count against a budget's sum: what is only late does not.
fn counted(outcome: &Outcome) -> Vec<&'static str> {
    let is_late = |site: &Site| matches!(site.shape, Shape::Delay { .. });
    let decisions = outcome.decisions.iter();
    let faults = decisions.filter(|decision| decision.site.role == Role::Fault);
    let counted = faults.filter(|decision| !is_late(decision.site));
    counted.map(|decision| decision.site.name).collect()
}

fn faults_of_many(scenario: &'static dyn Scenario, level: FaultLevel) -> Vec<Vec<&'static str>> {
    (0..WORLDS)
        .map(|seed| faults(&world(scenario, seed, level)))
        .collect()
}

#[test]
fn nothing_happens_at_none_and_a_storm_is_more_than_a_swarm() {
    let total = |level| faults_of_many(&Echoes, level).concat().len();
    assert_eq!(total(FaultLevel::None), 0);
    let (swarm, storm) = (total(FaultLevel::Swarm), total(FaultLevel::Storm));
    assert!(swarm > 0 && storm > 2 * swarm, "{storm} against {swarm}");
}

#[test]
fn a_storm_stays_within_the_budget_and_the_unlimited_does_not() {
    let is_crash = |name: &&&str| name.starts_with("crash.");
    let mut is_at_limit = false;
    for seed in 0..WORLDS {
        let outcome = world(&Frugal, seed, FaultLevel::Storm);
        let (faults, counted) = (faults(&outcome), counted(&outcome));
        assert!(counted.len() <= FAULTS_MAX, "{counted:?}");
        assert!(faults.iter().filter(is_crash).count() <= 1, "{faults:?}");
        assert!(!faults.contains(&"rpc.delay"));
        is_at_limit |= counted.len() == FAULTS_MAX;
    }
    assert!(is_at_limit);
    let unlimited = (0..WORLDS).map(|seed| world(&Frugal, seed, FaultLevel::Unlimited));
    let unlimited: Vec<Outcome> = unlimited.collect();
    assert!((unlimited.iter()).any(|outcome| counted(outcome).len() > FAULTS_MAX));
    assert!((unlimited.iter()).any(|outcome| faults(outcome).contains(&"rpc.delay")));
}

#[test]
fn what_is_recorded_is_not_cut() {
    let exceeds = |seed: &u64| {
        let unlimited = world(&Frugal, *seed, FaultLevel::Unlimited);
        (counted(&unlimited).len() > FAULTS_MAX).then_some(unlimited)
    };
    let unlimited = (0..WORLDS).find_map(|seed| exceeds(&seed));
    let unlimited = unlimited.expect("some world exceeds the budget");
    let recorded = unlimited.decisions.iter().map(|decision| RecordedDecision {
        site: decision.site.name.to_owned(),
        subject: decision.subject.clone(),
        n: decision.n,
        value: decision.value,
    });
    let mut plan = Plan::new(&Frugal, 0);
    plan.keep = true;
    plan.answers = Answers::Recorded(recorded.collect());
    assert!(counted(&run(&plan)).len() > FAULTS_MAX);
}

/// The world would be judged to have stalled.
#[test]
fn only_safety_is_judged_where_everything_may_happen() {
    let failure = |level| world(&Unanswered, 1, level).failure;
    assert!(failure(FaultLevel::None).is_some());
    assert_eq!(failure(FaultLevel::Unlimited), None);
}
