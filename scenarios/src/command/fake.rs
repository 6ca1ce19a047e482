//! A scenario that is only a name, and worlds that look as if they had been run, for unit tests.

use sim::{
    choice::{Decision, Shape, Site},
    exploration::engine::World,
    oracles::{OffsetsAreDense, Oracle},
    scenario::{Goal, Scenario},
    trace::TraceHash,
    world::{Failure, FailureKind, Outcome, Plan},
};
use std::collections::{BTreeMap, BTreeSet};

pub struct Fake;

impl Scenario for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn about(&self) -> &'static str {
        "a name"
    }

    fn goals(&self) -> &'static [Goal] {
        &[Goal {
            name: "answered",
            about: "somebody was answered",
        }]
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&OffsetsAreDense]
    }
}

pub static DELAY: Site = Site::fault(
    "rpc.delay",
    Shape::Delay {
        rate: 0.1,
        min_ms: 1,
        max_ms: 400,
    },
    "delays",
);

/// A world that reached its goal, gave its oracle something to judge, and then passed or failed.
pub fn world(seed: u64, failure: Option<(&str, FailureKind)>) -> World {
    let decisions = vec![Decision {
        site: &DELAY,
        subject: "stream p1:/a".into(),
        n: 2,
        value: 400,
    }];
    let outcome = Outcome {
        failure: failure.map(|(key, kind)| Failure {
            key: key.to_owned(),
            kind,
            message: "offset 3 is missing".to_owned(),
            at_ms: 1_500,
        }),
        trace: TraceHash(seed),
        trace_events: 7,
        stream_events: 3,
        sim_ms: 2_000,
        decision_count: decisions.len(),
        decisions,
        goals: BTreeSet::from(["answered"]),
        exercised: BTreeMap::from([(OffsetsAreDense.name(), 3)]),
        fired: BTreeMap::from([(DELAY.name, 1)]),
        ..Outcome::default()
    };
    World {
        plan: Plan::new(&Fake, seed),
        outcome,
    }
}
