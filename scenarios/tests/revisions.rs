//! Restarts on another revision: what a scenario's old revision leaves undone, so that a world in which
//! every stream runs it to the end fails, a restart on the present revision makes good.

use scenarios::registry;
use sim::{
    scenario::Scenario,
    world::{run, Answers, FailureKind, Outcome, Plan, RecordedDecision},
};

/// How many worlds it may take to find one that the old revision fails.
const WORLDS: u64 = 300;

fn scenario(name: &str) -> &'static dyn Scenario {
    let mut scenarios = registry::scenarios().iter().copied();
    let found = scenarios.find(|scenario| scenario.name() == name);
    found.expect("there is such a scenario")
}

/// A world that fails for its liveness alone when everybody runs the old revision all the time.
fn failing(scenario: &'static dyn Scenario) -> (Plan, Outcome) {
    let plan = |seed| Plan {
        quirks: scenario.old_revision(),
        keep: true,
        ..Plan::new(scenario, seed)
    };
    let worlds = (1..=WORLDS).map(|seed| (plan(seed), run(&plan(seed))));
    let mut failing = worlds.filter(|(_, outcome)| outcome.failure.is_some());
    failing.next().expect("the old revision fails some world")
}

fn decision(site: &str, subject: &str, n: u32, value: u64) -> RecordedDecision {
    RecordedDecision {
        site: site.to_owned(),
        subject: subject.into(),
        n,
        value,
    }
}

/// The same world, in which it is a choice that every stream is started on the old revision.
fn with_choices(plan: &Plan, outcome: &Outcome) -> Plan {
    let drawn = outcome.decisions.iter();
    let drawn = drawn.filter(|drawn| drawn.site.name != "fleet.old-revision");
    let mut decisions: Vec<_> = drawn
        .map(|drawn| decision(drawn.site.name, &drawn.subject, drawn.n, drawn.value))
        .collect();
    let starts = outcome.kept_trace.iter();
    let starts = starts.filter(|line| line.kind == "start" && line.place.starts_with("stream "));
    let mut counts = std::collections::BTreeMap::new();
    for start in starts {
        let n = counts.entry(start.place.clone()).or_insert(0);
        decisions.push(decision("fleet.old-revision", &start.place, *n, 1));
        *n += 1;
    }
    Plan {
        quirks: Default::default(),
        answers: Answers::Recorded(decisions),
        ..plan.clone()
    }
}

fn show(name: &str) {
    let scenario = scenario(name);
    let (plan, outcome) = failing(scenario);
    let failure = outcome.failure.as_ref().expect("it fails");
    assert_eq!(failure.kind, FailureKind::Liveness, "{failure}");
    let restarted = run(&with_choices(&plan, &outcome));
    assert_eq!(restarted.failure, None, "{name}, seed {}", plan.seed);
    let is_restart = |detail: &str| detail.contains("on the present revision");
    let lines = restarted.kept_trace.iter();
    let restarts = lines.filter(|line| line.kind == "restart" && is_restart(&line.detail));
    assert!(restarts.count() > 0);
}

#[test]
fn a_restart_makes_good_what_was_neither_looked_after_nor_dialed_again() {
    show("streams-idle");
}

#[test]
fn a_restart_dials_who_was_lost() {
    show("streams-long-past");
}
