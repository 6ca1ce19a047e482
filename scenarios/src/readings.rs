//! Readings of the evidence, and goals, that scenarios of every kind share.

use runtime::event::{Event, EventType};
use sim::{oracles::Evidence, scenario::Goal, world::StreamLog};
use std::sync::Arc;

/// A goal of every scenario with faults.
pub const CRASHED: Goal = Goal {
    name: "crashed",
    about: "some object crashed",
};

/// The names of the goals that were reached.
pub fn names<const N: usize>(goals: [(Goal, bool); N]) -> Vec<&'static str> {
    let reached = goals.into_iter().filter(|(_, reached)| *reached);
    reached.map(|(goal, _)| goal.name).collect()
}

pub fn crashed(evidence: &Evidence) -> (Goal, bool) {
    (CRASHED, evidence.crashes > 0)
}

/// The events of a type, in order.
pub fn all(log: &[Arc<Event>], kind: EventType) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
    log.iter().filter(move |event| event.kind == kind)
}

pub fn count(log: &StreamLog, kind: &EventType) -> usize {
    all(&log.events, kind.clone()).count()
}

pub fn first<'a>(log: &'a StreamLog, kind: &EventType) -> Option<&'a Arc<Event>> {
    all(&log.events, kind.clone()).next()
}
