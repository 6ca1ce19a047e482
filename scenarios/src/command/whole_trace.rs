//! All that can be seen of a world, for `check` to compare: its trace in full, with every row that is
//! written to storage, and then what was made of it: verdict, goals, what oracles and faults came to.
//!
//! What it has not: the bytes on connections to the outside. The masks of WebSocket frames are random
//! by protocol, and mean nothing. What the services understood is in the trace.

use sim::{
    trace::{TraceEvent, TraceHash},
    world::{Outcome, Plan},
};
use std::collections::BTreeMap;

/// The same world, traced in full.
pub fn in_full(plan: Plan) -> Plan {
    Plan {
        in_full: true,
        ..plan
    }
}

/// The hash of all of it.
pub fn hash(outcome: &Outcome) -> TraceHash {
    let judgement = judgement(outcome);
    let lines = judgement
        .iter()
        .flat_map(|(kind, detail)| [kind, &**detail]);
    outcome.trace.followed_by(lines)
}

/// All of it, event by event; for a world that was told to keep its trace.
pub fn events(outcome: Outcome) -> Vec<TraceEvent> {
    let judgement = judgement(&outcome);
    let at_us = outcome.sim_ms * 1_000;
    let lines = judgement.into_iter().map(|(kind, detail)| TraceEvent {
        at_us,
        place: "judge".to_owned(),
        kind: kind.into(),
        detail,
    });
    outcome.kept_trace.into_iter().chain(lines).collect()
}

fn judgement(outcome: &Outcome) -> [(&'static str, String); 6] {
    let verdict = match &outcome.failure {
        None => "pass".to_owned(),
        Some(failure) => format!(
            "{failure} ({}, at {} ms)",
            failure.kind.name(),
            failure.at_ms
        ),
    };
    let goals: Vec<&str> = outcome.goals.iter().copied().collect();
    let counts = |counts: &BTreeMap<&str, u64>| {
        let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    };
    let Outcome {
        stream_events,
        sim_ms,
        decision_count,
        ..
    } = outcome;
    let extent = format!("{sim_ms} ms, {stream_events} stream events, {decision_count} decisions");
    [
        ("verdict", verdict),
        ("goals", goals.join(", ")),
        ("oracles", counts(&outcome.exercised)),
        ("faults", counts(&outcome.fired)),
        ("extent", extent),
        ("events", outcome.trace_events.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use sim::world::FailureKind;

    #[test]
    fn what_was_made_of_a_world_is_compared_as_well() {
        let outcome = || fake::world(17, None).outcome;
        let mut others = [(); 4].map(|()| outcome());
        others[0].failure = fake::world(17, Some(("a/b", FailureKind::Safety)))
            .outcome
            .failure;
        others[1].goals.clear();
        others[2].exercised.clear();
        others[3].stream_events += 1;
        assert_eq!(hash(&outcome()), hash(&outcome()));
        for other in others {
            assert_ne!(hash(&outcome()), hash(&other));
            assert_ne!(events(outcome()), events(other));
        }
    }

    #[test]
    fn the_judgement_follows_the_trace() {
        let events = events(fake::world(17, None).outcome);
        let lines: Vec<String> = events
            .iter()
            .map(|e| format!("{} {}", e.kind, e.detail))
            .collect();
        assert_eq!(lines[..2], ["verdict pass", "goals answered"]);
        assert!(events.iter().all(|event| event.at_us == 2_000_000));
    }
}
