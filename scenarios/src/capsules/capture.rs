//! Writes a failing world down: runs it once more from what is recorded of it, with its trace kept and
//! all places noted at which something was decided.

use super::provenance;
use crate::command::flags::{word, FAULTS};
use runtime::quirk::Quirk;
use sim::{
    capsule::{
        Capsule, CapsuleDecision, CapsuleFailure, CapsuleOperation, DecisionValue, Landmark,
        Recording, FORMAT,
    },
    choice::{Decision, Shape, Site},
    exploration::{engine::World, replay::landmarks},
    world::{Answers, Operations, Outcome, Plan, RecordedDecision},
};

/// The capsule of a world that failed. `None` if what is recorded of it does not give the same failure
/// by the same trace, which would be a fault of ours.
pub fn capture(world: &World, run: impl Fn(&Plan) -> Outcome) -> Option<Capsule> {
    let outcome = run(&plan(world));
    let failure = outcome.failure.as_ref()?;
    let is_same = outcome.trace == world.outcome.trace
        && world.outcome.failure.as_ref().map(|it| &it.key) == Some(&failure.key);
    if !is_same {
        return None;
    }
    let Plan {
        scenario,
        seed,
        quirks,
        faults,
        ..
    } = world.plan;
    let operations = outcome.operations.iter();
    let decisions = outcome.decisions.iter().zip(landmarks(&outcome));
    Some(Capsule {
        format: FORMAT,
        scenario: scenario.name().to_owned(),
        seed,
        scheduler_seed: world.plan.scheduler_seed(),
        quirks: quirks.iter().map(Quirk::name).map(str::to_owned).collect(),
        faults: word(&FAULTS, faults).to_owned(),
        failure: CapsuleFailure {
            key: failure.key.clone(),
            kind: failure.kind.name().to_owned(),
            at_ms: failure.at_ms,
            message: failure.message.clone(),
        },
        operations: Some(
            operations
                .map(|one| CapsuleOperation::from(&one.operation))
                .collect(),
        ),
        decisions: decisions.map(|(one, after)| decided(one, after)).collect(),
        build: Some(provenance::build()),
        trace: outcome.trace,
        recording: Some(Recording::pack(
            outcome.kept_trace.iter().map(ToString::to_string),
        )),
    })
}

fn plan(world: &World) -> Plan {
    let Outcome {
        operations,
        decisions,
        ..
    } = &world.outcome;
    let mut watched: Vec<&'static Site> = Vec::new();
    for decision in decisions {
        if watched.iter().all(|site| site.name != decision.site.name) {
            watched.push(decision.site);
        }
    }
    let recorded = decisions.iter().map(|decision| RecordedDecision {
        site: decision.site.name.to_owned(),
        subject: decision.subject.clone(),
        n: decision.n,
        value: decision.value,
    });
    Plan {
        scheduler_seed: Some(world.plan.scheduler_seed()),
        operations: Operations::Recorded(
            operations.iter().map(|one| one.operation.clone()).collect(),
        ),
        answers: Answers::Recorded(recorded.collect()),
        forced: Vec::new(),
        watched,
        keep: true,
        ..world.plan.clone()
    }
}

fn decided(decision: &Decision, after: Option<Landmark>) -> CapsuleDecision {
    let Decision {
        site,
        subject,
        n,
        value,
    } = decision;
    CapsuleDecision {
        site: site.name.to_owned(),
        subject: subject.to_string(),
        n: *n,
        value: match site.shape {
            Shape::YesNo { .. } => DecisionValue::Word("yes".to_owned()),
            Shape::OneOf { variants, .. } => {
                DecisionValue::Word(variants[*value as usize - 1].to_owned())
            }
            _ => DecisionValue::Number(*value),
        },
        after,
    }
}
