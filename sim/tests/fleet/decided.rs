//! Worlds in which exactly the given faults happen, and what their traces tell.

use sim::{
    scenario::Scenario,
    trace::TraceEvent,
    world::{run, Answers, Outcome, Plan, RecordedDecision},
};

/// Site, subject, occurrence, value.
pub type Fault = (&'static str, &'static str, u32, u64);

/// A world with these faults.
pub fn decided(scenario: &'static dyn Scenario, faults: &[Fault]) -> Plan {
    let mut plan = Plan::new(scenario, 7);
    plan.keep = true;
    let recorded = faults
        .iter()
        .map(|(site, subject, n, value)| RecordedDecision {
            site: (*site).to_owned(),
            subject: (*subject).into(),
            n: *n,
            value: *value,
        });
    plan.answers = Answers::Recorded(recorded.collect());
    plan
}

/// Runs a world with these faults; each of them happens, and the world passes.
pub fn world(scenario: &'static dyn Scenario, faults: &[Fault]) -> Outcome {
    let outcome = run(&decided(scenario, faults));
    assert_eq!(outcome.failure, None, "{faults:?}");
    let mut happened: Vec<_> = outcome
        .decisions
        .iter()
        .map(|decision| {
            (
                decision.site.name,
                &*decision.subject,
                decision.n,
                decision.value,
            )
        })
        .collect();
    let mut faults = faults.to_vec();
    happened.sort();
    faults.sort();
    assert_eq!(happened, faults, "each fault happens");
    outcome
}

/// The lines of a kind at a place, in any incarnation.
pub fn lines<'a>(outcome: &'a Outcome, place: &str, kind: &str) -> Vec<&'a TraceEvent> {
    let is_there = |line: &&TraceEvent| line.place.split('@').next() == Some(place);
    let lines = outcome.kept_trace.iter().filter(is_there);
    lines.filter(|line| line.kind == kind).collect()
}

pub fn details<'a>(outcome: &'a Outcome, place: &str, kind: &str) -> Vec<&'a str> {
    let lines = lines(outcome, place, kind).into_iter();
    lines.map(|line| line.detail.as_str()).collect()
}

/// When, in milliseconds.
pub fn times_ms(outcome: &Outcome, place: &str, kind: &str) -> Vec<u64> {
    let lines = lines(outcome, place, kind).into_iter();
    lines.map(|line| line.at_us / 1_000).collect()
}
