//! Whole worlds of the echo.

use crate::{
    decided::details,
    echo::{Echoes, Misnamed, Unanswered},
    visit::Visits,
};
use runtime::quirk::{Quirk, Quirks};
use sim::world::{run, FailureKind, FaultLevel, Plan};

fn plan(seed: u64) -> Plan {
    Plan::new(&Echoes, seed)
}

#[test]
fn a_calm_world_passes() {
    let mut plan = plan(1);
    plan.faults = FaultLevel::None;
    let outcome = run(&plan);
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.decision_count, 0);
}

#[test]
fn worlds_with_faults_pass() {
    let mut crashed = 0;
    for seed in 0..300 {
        let outcome = run(&plan(seed));
        assert_eq!(outcome.failure, None, "seed {seed}");
        crashed += u32::from(outcome.goals.contains("crashed"));
    }
    assert!(crashed > 50, "only {crashed} worlds had a crash");
}

#[test]
fn a_seed_gives_one_trace() {
    for seed in [3, 7, 2_024] {
        let first = run(&plan(seed));
        run(&plan(seed + 1));
        let mut kept = plan(seed);
        kept.keep = true;
        let second = run(&kept);
        assert_eq!(first.trace, second.trace);
        assert_eq!(second.kept_trace.len() as u64, second.trace_events);
    }
}

#[test]
fn requests_sockets_and_scripts_work_in_a_world_and_give_one_trace() {
    let visit = |seed| {
        let mut plan = Plan::new(&Visits, seed);
        plan.keep = true;
        run(&plan)
    };
    for seed in 0..100 {
        let first = visit(seed);
        assert_eq!(first.failure, None, "seed {seed}");
        let heard = details(&first, "visitor p1:/visit", "info");
        let is_guest = |words: &&str| words.starts_with("heard guest-");
        assert!(heard.iter().any(is_guest), "seed {seed}: {heard:?}");
        assert_eq!(first.trace, visit(seed).trace);
    }
}

#[test]
fn a_swallowed_batch_shows() {
    let found = (0..300).find_map(|seed| {
        let mut plan = plan(seed);
        plan.quirks = Quirks::NONE.with(Quirk::B20);
        run(&plan).failure
    });
    let key = found.expect("some world fails").key;
    assert!(
        [
            "processor/state-not-fold",
            "processor/behind",
            "echo/unanswered"
        ]
        .contains(&key.as_str()),
        "{key}"
    );
}

#[test]
fn a_panic_in_product_code_is_the_worlds_failure() {
    let failure = run(&Plan::new(&Misnamed, 1)).failure.expect("it panics");
    assert_eq!(failure.key, "panic/runtime-processor-host");
    assert_eq!(failure.kind, FailureKind::Crash);
    assert!(failure.message.contains("named after its stream"));
    assert!(failure.at_ms > 0);
}

#[test]
fn a_call_that_nobody_will_answer_is_a_stall() {
    let mut plan = Plan::new(&Unanswered, 1);
    plan.faults = FaultLevel::None;
    let failure = run(&plan).failure.expect("it stalls");
    assert_eq!(failure.key, "quiescence/stalled");
    assert_eq!(failure.kind, FailureKind::Liveness);
}
