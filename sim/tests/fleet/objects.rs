//! Objects that start slowly, stand still, live twice, or are put away all at once; flushes that fail;
//! and deployments: each fault alone, what it does, and that it is over when the world is healed.

use crate::{
    bell::Bells,
    decided::{decided, details, lines, times_ms, world},
    echo::{Echoes, OldEchoes},
};
use runtime::quirk::{Quirk, Quirks};
use sim::world::{run, Outcome};

const STREAM: &str = "stream p1:/echo";
const ECHO: &str = "echo p1:/echo";
const DELIVERIES: &str = "stream p1:/echo → echo p1:/echo";
const APPENDS: &str = "echo p1:/echo → stream p1:/echo";
const BELL: &str = "bell p1:/bell";
const EDGE: &str = "edge edge";
const FLEET: &str = "fleet";

/// The faults that are shown here.
pub const SHOWN: &[&str] = &[
    "object.evict-storm",
    "object.slow-start",
    "object.pause",
    "object.twin",
    "storage.flush-fails",
    "fleet.rolling-restart",
    "fleet.old-revision",
];

/// Longer than any chaos.
const FOR_EVER_MS: u64 = 500_000;

static WRITING: Bells = Bells {
    method: "write",
    failures: 0,
};

fn healed_ms(outcome: &Outcome) -> u64 {
    times_ms(outcome, "world", "heal")[0]
}

#[test]
fn a_storm_evicts_whoever_is_idle_at_once_and_again() {
    let storms = [
        ("object.evict-storm", FLEET, 0, 2_500),
        ("object.evict-storm", FLEET, 1, 1_000),
    ];
    let outcome = world(&Echoes, &storms);
    assert_eq!(times_ms(&outcome, FLEET, "evict-storm"), [2_505, 3_505]);
    for object in [STREAM, ECHO] {
        let evicted = times_ms(&outcome, object, "evict");
        assert_eq!(evicted, [2_505, 3_505], "{object}");
        assert_eq!(details(&outcome, object, "crash"), [""; 0]);
    }
    let busy = world(&WRITING, &[("object.evict-storm", FLEET, 0, 15)]);
    assert_eq!(details(&busy, BELL, "evict"), [""; 0], "it was at work");
}

#[test]
fn an_incarnation_takes_calls_when_it_has_started_at_last() {
    let slow_ms = 1_500;
    let outcome = world(&Echoes, &[("object.slow-start", ECHO, 0, slow_ms)]);
    let (started, taken) = (
        times_ms(&outcome, ECHO, "start")[0],
        times_ms(&outcome, ECHO, "deliver")[0],
    );
    assert!((slow_ms..slow_ms + 10).contains(&(taken - started)));
}

#[test]
fn a_slow_start_is_over_when_the_world_is_healed() {
    let outcome = world(&Echoes, &[("object.slow-start", ECHO, 0, FOR_EVER_MS)]);
    let healed = healed_ms(&outcome);
    let taken = times_ms(&outcome, ECHO, "deliver")[0];
    assert!((healed..healed + 10).contains(&taken), "{taken} {healed}");
}

/// The lines of an object while it stands still, and when it went on, in milliseconds.
fn stalled(outcome: &Outcome, subject: &str) -> (usize, u64) {
    let (began, ended) = (
        lines(outcome, subject, "pause")[0].at_us,
        lines(outcome, subject, "resume")[0].at_us,
    );
    let is_own = |place: &str| place.split('@').next() == Some(subject) && place.contains('@');
    let own = outcome.kept_trace.iter().filter(|line| is_own(&line.place));
    let meanwhile = own.filter(|line| line.at_us > began && line.at_us < ended);
    (meanwhile.count(), ended / 1_000)
}

#[test]
fn whatever_is_addressed_to_an_object_that_stands_still_waits() {
    let outcome = world(&Echoes, &[("object.pause", ECHO, 2, 700)]);
    let (lines_meanwhile, resumed) = stalled(&outcome, ECHO);
    assert_eq!(lines_meanwhile, 0);
    assert_eq!(resumed, times_ms(&outcome, ECHO, "pause")[0] + 700);
    let batches = times_ms(&outcome, STREAM, "batch");
    let sent = batches.iter().filter(|at| **at < resumed).count();
    let taken = times_ms(&outcome, ECHO, "deliver");
    let waited = taken
        .iter()
        .filter(|at| (resumed..resumed + 9).contains(at));
    assert!(sent > 5 && waited.count() > 3, "{batches:?} {taken:?}");
    assert_eq!(details(&outcome, ECHO, "start"), ["@1"]);
}

#[test]
fn an_object_that_stands_still_goes_on_when_the_world_is_healed() {
    for subject in [ECHO, STREAM] {
        let outcome = world(&Echoes, &[("object.pause", subject, 2, FOR_EVER_MS)]);
        let (lines_meanwhile, resumed) = stalled(&outcome, subject);
        assert_eq!((lines_meanwhile, resumed), (0, healed_ms(&outcome)));
    }
}

#[test]
fn an_object_that_stands_still_can_die() {
    let faults = [
        ("object.pause", ECHO, 2, 3_000),
        ("crash.at-time", ECHO, 0, 2_500),
    ];
    let outcome = world(&Echoes, &faults);
    assert_eq!(details(&outcome, ECHO, "start"), ["@1", "@2"]);
    assert_eq!(details(&outcome, ECHO, "resume"), [""; 0]);
}

/// The client's third ping finds a new stream. The echo's pong, which was on its way, reaches the
/// old one: that takes it, and what it does then is in vain.
#[test]
fn two_instances_live_for_a_moment_and_what_the_old_one_does_is_in_vain() {
    let late_pong = ("rpc.delay", APPENDS, 1, 50);
    let outcome = world(&Echoes, &[("object.twin", STREAM, 2, 1_000), late_pong]);
    let began = lines(&outcome, STREAM, "twin")[0].at_us;
    let ended = lines(&outcome, STREAM, "twin")[1].at_us;
    assert_eq!(ended, began + 1_000_000);
    assert_eq!(details(&outcome, STREAM, "start"), ["@1", "@2"]);
    let old = |line: &&sim::trace::TraceEvent| {
        line.place == "stream p1:/echo@1" && (began..ended).contains(&line.at_us)
    };
    let old: Vec<_> = outcome.kept_trace.iter().filter(old).collect();
    let of_kind = |kind| old.iter().filter(move |line| line.kind == kind);
    assert_eq!(of_kind("deliver").count(), 1);
    assert!(of_kind("in vain").any(|line| line.detail == "test/pong"));
    for kind in ["append", "batch", "commit", "call"] {
        assert_eq!(of_kind(kind).count(), 0, "{kind}");
    }
    let learned = lines(&outcome, ECHO, "disconnect")[0];
    assert!(learned.detail.ends_with("stream p1:/echo@1") && learned.at_us >= ended);
    // The pong that was appended in vain was appended again, once.
    assert_eq!(details(&outcome, STREAM, "crash"), [""; 0]);
}

#[test]
fn the_new_instance_may_find_less_than_the_old_one_wrote() {
    let faults = [
        ("object.twin", STREAM, 2, 1_000),
        ("storage.slow", STREAM, 6, 1_000),
        ("storage.lost-suffix", STREAM, 0, 1),
    ];
    let outcome = world(&Echoes, &faults);
    let twin = details(&outcome, STREAM, "twin")[0];
    assert_eq!(twin, "@1 goes on; 1 transactions lost");
}

#[test]
fn nobody_lives_twice_when_the_world_is_healed() {
    let outcome = world(&Echoes, &[("object.twin", STREAM, 2, FOR_EVER_MS)]);
    let twin = times_ms(&outcome, STREAM, "twin");
    assert_eq!(twin[1], healed_ms(&outcome));
    assert_eq!(
        details(&outcome, STREAM, "twin")[1],
        "@1 ends as all is healed"
    );
}

#[test]
fn a_flush_that_fails_resets_the_object_and_loses_all_later_writes() {
    let slow = ("storage.slow", BELL, 2, 1_000);
    let outcome = world(&WRITING, &[slow, ("storage.flush-fails", BELL, 2, 1)]);
    let crash = details(&outcome, BELL, "crash");
    assert_eq!(crash.len(), 1);
    assert!(crash[0].contains("storage.flush-fails; 5 transactions lost"));
    let info = details(&outcome, BELL, "info");
    let told = info.iter().filter(|detail| detail.starts_with("found"));
    assert_eq!(told.copied().collect::<Vec<_>>(), ["found []", "found [0]"]);
}

#[test]
fn a_rolling_restart_takes_one_after_the_other_and_durable_writes_stay() {
    let outcome = world(&Echoes, &[("fleet.rolling-restart", FLEET, 0, 3_000)]);
    let everybody = [ECHO, EDGE, "stream p1:/", STREAM];
    let mut last = 0;
    for object in everybody {
        let restart = times_ms(&outcome, object, "restart");
        assert_eq!(restart.len(), 1, "{object}");
        assert_eq!(restart[0], if last == 0 { 3_005 } else { last + 20 });
        last = restart[0];
        assert_eq!(times_ms(&outcome, object, "start")[1], restart[0]);
        let detail = details(&outcome, object, "restart")[0];
        assert_eq!(detail, "@1 fleet.rolling-restart; 0 transactions lost");
    }
    assert_eq!(details(&outcome, "client client", "restart"), [""; 0]);
}

/// The stream of the old revision loses its subscriber and never dials again. Restarted on the
/// present revision, it does.
#[test]
fn whoever_runs_an_old_revision_is_restarted_on_the_present_one() {
    let lost = [("rpc.request-lost", DELIVERIES, 1, 1)];
    let old = ("fleet.old-revision", STREAM, 0, 1);
    let outcome = world(&OldEchoes, &[lost[0], old]);
    let starts = details(&outcome, STREAM, "start");
    assert_eq!(starts, ["@1 on the old revision", "@2"]);
    let healed = healed_ms(&outcome);
    assert_eq!(times_ms(&outcome, STREAM, "restart"), [healed]);
    let served = times_ms(&outcome, ECHO, "checkpoint");
    assert!(served.iter().all(|at| *at >= healed), "{served:?}");

    let mut never_restarted = decided(&Echoes, &lost);
    never_restarted.quirks = Quirks::NONE.with(Quirk::B15);
    let failure = run(&never_restarted).failure.expect("nobody dials");
    assert_eq!(failure.key, "echo/unanswered");
}

/// Without the choice, the old revision is nowhere.
#[test]
fn an_old_revision_is_a_choice() {
    let outcome = world(&OldEchoes, &[]);
    assert_eq!(details(&outcome, STREAM, "start"), ["@1"]);
}
