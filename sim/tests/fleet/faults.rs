//! Each fault of the platform, alone: it happens, it does what its row says, and the world passes.

use crate::{
    bell::{Bells, ALARM_MS},
    clocks,
    decided::{details, lines, times_ms, world, Fault},
    echo::Echoes,
    network, objects,
};
use sim::{faults, trace::TraceEvent, world::Outcome};

const STREAM: &str = "stream p1:/echo";
const ECHO: &str = "echo p1:/echo";
const DELIVERIES: &str = "stream p1:/echo → echo p1:/echo";
const APPENDS: &str = "echo p1:/echo → stream p1:/echo";
const BELL: &str = "bell p1:/bell";
const EDGE: &str = "edge edge";

static RINGING: Bells = Bells {
    method: "arm",
    failures: 0,
};
static FAILING: Bells = Bells {
    method: "arm",
    failures: 3,
};
static CRACKED: Bells = Bells {
    method: "arm",
    failures: 99,
};
static WRITING: Bells = Bells {
    method: "write",
    failures: 0,
};

/// Crashes of the echo's world, wherever they can be.
const CRASHES: &[Fault] = &[
    ("crash.before-commit", STREAM, 3, 1),
    ("crash.before-commit", ECHO, 2, 1),
    ("crash.after-commit", STREAM, 3, 1),
    ("crash.after-commit", ECHO, 2, 1),
    ("crash.before-call", STREAM, 2, 1),
    ("crash.before-call", ECHO, 2, 1),
    ("crash.after-call", STREAM, 2, 1),
    ("crash.after-call", ECHO, 2, 1),
    ("crash.before-reply", STREAM, 3, 1),
    ("crash.before-reply", ECHO, 1, 1),
    ("crash.after-reply", STREAM, 3, 1),
    ("crash.after-reply", ECHO, 1, 1),
    ("crash.before-checkpoint", ECHO, 1, 1),
    ("crash.after-checkpoint", ECHO, 1, 1),
    ("crash.before-alarm", STREAM, 0, 1),
    ("crash.after-alarm", STREAM, 0, 1),
    ("crash.at-time", STREAM, 0, 2_222),
    ("crash.at-time", ECHO, 0, 2_222),
];

const BELL_CRASHES: &[Fault] = &[
    ("crash.before-alarm", BELL, 0, 1),
    ("crash.after-alarm", BELL, 0, 1),
    ("crash.before-request", EDGE, 0, 1),
    ("crash.before-request", EDGE, 1, 1),
    ("crash.after-request", EDGE, 0, 1),
];

/// The other faults of the echo's world.
const DISTURBANCES: &[Fault] = &[
    ("object.evict-idle", STREAM, 2, 100),
    ("object.evict-idle", ECHO, 1, 100),
    ("storage.slow", STREAM, 4, 700),
    ("storage.write-error", STREAM, 1, 1),
    ("storage.write-error", STREAM, 4, 3),
    ("storage.write-error", ECHO, 1, 1),
    ("rpc.delay", DELIVERIES, 3, 900),
    ("rpc.reply-delay", APPENDS, 1, 900),
    ("rpc.request-lost", DELIVERIES, 3, 1),
    ("rpc.request-lost", APPENDS, 1, 1),
    ("rpc.reply-lost", DELIVERIES, 3, 1),
    ("rpc.reply-lost", APPENDS, 1, 1),
    ("rpc.request-late", DELIVERIES, 3, 5_000),
    ("rpc.request-late", APPENDS, 1, 5_000),
    ("rpc.callee-error", DELIVERIES, 3, 1),
    ("rpc.callee-error", APPENDS, 1, 1),
    ("net.partition", DELIVERIES, 3, 2),
    ("net.partition", APPENDS, 1, 5),
    ("net.partition", APPENDS, 1, 8),
    ("net.hold", DELIVERIES, 3, 2_000),
    ("net.hold", APPENDS, 1, 2_000),
    ("stub.broken", DELIVERIES, 1, 1),
    ("stub.broken", APPENDS, 1, 1),
    ("alarm.late", STREAM, 0, 5_000),
    ("alarm.twice", STREAM, 0, 1),
];

#[test]
fn an_object_dies_at_every_crash_point_and_its_world_passes() {
    for fault in CRASHES {
        died(&world(&Echoes, &[*fault]), fault);
    }
    for fault in BELL_CRASHES {
        died(&world(&RINGING, &[*fault]), fault);
    }
}

/// The object died of the fault, once, and lives again if it has anything to do.
fn died(outcome: &Outcome, fault: &Fault) {
    let (site, subject, ..) = fault;
    let crashes = details(outcome, subject, "crash");
    assert_eq!(crashes.len(), 1, "{fault:?}");
    let why = match *site {
        "crash.at-time" => "at a time",
        site => site,
    };
    assert!(crashes[0].contains(why), "{fault:?}: {}", crashes[0]);
    let lives = match *site {
        "crash.after-alarm" => 1,
        _ => 2,
    };
    assert_eq!(details(outcome, subject, "start").len(), lives, "{fault:?}");
}

#[test]
fn every_other_disturbance_passes_alone() {
    for fault in DISTURBANCES {
        world(&Echoes, &[*fault]);
    }
}

#[test]
fn every_fault_of_the_platform_is_shown_here() {
    let combined = ["stub.notice", "storage.lost-suffix", "storage.stale-cache"];
    let elsewhere = [objects::SHOWN, clocks::SHOWN, network::SHOWN].concat();
    let shown = [CRASHES, BELL_CRASHES, DISTURBANCES].concat();
    for site in faults::FAULTS.iter().copied().flatten() {
        let is_shown = shown.iter().any(|(name, ..)| *name == site.name);
        assert!(
            is_shown || combined.contains(&site.name) || elsewhere.contains(&site.name),
            "{} is not shown",
            site.name
        );
    }
}

/// The batch was ingested in the turn in which the object died, and its checkpoint with it: the
/// stream must not hear that all is well.
#[test]
fn what_an_object_would_have_answered_after_its_death_is_not_heard() {
    for site in ["crash.before-checkpoint", "crash.after-checkpoint"] {
        for n in 0..8 {
            let outcome = world(&Echoes, &[(site, ECHO, n, 1)]);
            let failures = details(&outcome, STREAM, "failure");
            let is_unknown = |failure: &&str| failure.ends_with("the callee died");
            assert!(failures.iter().any(is_unknown), "{site} #{n}: {failures:?}");
        }
    }
}

/// The output gate: nothing leaves while a write that came before it is not durable.
#[test]
fn nothing_leaves_before_the_writes_made_before_it_are_durable() {
    for n in 2..14 {
        let slow_ms = 700;
        let outcome = world(&Echoes, &[("storage.slow", STREAM, n, slow_ms)]);
        let commits = lines(&outcome, STREAM, "commit");
        let (before, commit) = (commits[n as usize - 1], commits[n as usize]);
        let began_us = commit.at_us - slow_ms * 1_000;
        // What left before the write, or with the commit before this one, is under way for less.
        let held = before.at_us.max(began_us) + 2_000..commit.at_us;
        for line in &outcome.kept_trace {
            let is_from_stream = line.detail.ends_with(&format!("from {STREAM}"));
            assert!(
                !(is_from_stream && held.contains(&line.at_us)),
                "commit {n} at {} µs, but {line}",
                commit.at_us
            );
        }
    }
}

/// The gate holds replies too: the client hears of its append when that is durable.
#[test]
fn an_append_is_acknowledged_when_it_is_durable() {
    let outcome = world(&Echoes, &[("storage.slow", STREAM, 0, 1_500)]);
    let batches = lines(&outcome, STREAM, "commit");
    assert!(batches[0].at_us >= 1_500_000);
    let dial = lines(&outcome, ECHO, "deliver")[0];
    assert!(dial.at_us >= batches[0].at_us, "{dial}");
}

#[test]
fn a_call_that_is_held_back_holds_back_the_later_ones_of_its_stub() {
    let calm = world(&Echoes, &[]);
    let late_ms = 400;
    let outcome = world(&Echoes, &[("rpc.delay", DELIVERIES, 4, late_ms)]);
    let batches_sent = times_ms(&outcome, STREAM, "batch");
    let arrived: Vec<u64> = lines(&outcome, ECHO, "deliver")
        .iter()
        .filter(|line| line.detail.starts_with("processEventBatch"))
        .map(|line| line.at_us / 1_000)
        .collect();
    assert_eq!(
        arrived.len(),
        batches_sent.len(),
        "every batch arrives, once"
    );
    let late = batches_sent
        .iter()
        .zip(&arrived)
        .filter(|(sent, arrived)| *arrived - *sent > 50);
    assert!(late.count() >= 2, "batches queued behind the late one");
    assert_eq!(details(&outcome, STREAM, "failure"), [""; 0]);
    let pongs = |outcome: &Outcome| details(outcome, ECHO, "checkpoint").len();
    assert!(pongs(&outcome) > 0 && pongs(&calm) > 0);
}

#[test]
fn a_retained_stub_learns_late_that_the_other_side_is_gone() {
    let crash = ("crash.at-time", ECHO, 0, 2_100);
    let soon = world(&Echoes, &[crash]);
    let late = world(&Echoes, &[crash, ("stub.notice", ECHO, 0, 3_000)]);
    let learned = |outcome: &Outcome| {
        let lines = lines(outcome, STREAM, "disconnect");
        lines
            .iter()
            .find(|line| line.detail.contains("@1"))
            .unwrap()
            .at_us
            / 1_000
    };
    assert!(learned(&late) >= learned(&soon) + 2_990);
}

#[test]
fn an_idle_object_is_evicted_without_loss() {
    let outcome = world(&Echoes, &[("object.evict-idle", ECHO, 1, 100)]);
    assert_eq!(
        details(&outcome, ECHO, "evict"),
        ["@1 idle; 0 transactions lost"]
    );
    assert_eq!(details(&outcome, ECHO, "crash"), [""; 0]);
    assert_eq!(details(&outcome, ECHO, "start"), ["@1", "@2"]);
}

#[test]
fn a_worker_is_started_again_after_a_while() {
    let outcome = world(&RINGING, &[("crash.after-request", EDGE, 0, 1)]);
    let (crashed, started) = (
        times_ms(&outcome, EDGE, "crash")[0],
        times_ms(&outcome, EDGE, "start")[1],
    );
    assert_eq!(started - crashed, 100);
}

#[test]
fn a_crash_loses_the_newest_writes_that_were_not_durable() {
    // The third transaction is slow, so from it on nothing is durable when the bell dies.
    let slow_and_crash = [
        ("storage.slow", BELL, 2, 1_000),
        ("crash.at-time", BELL, 0, 500),
    ];
    for lost in 0..=4 {
        let mut faults = slow_and_crash.to_vec();
        if lost > 0 {
            faults.push(("storage.lost-suffix", BELL, 0, lost));
        }
        let outcome = world(&WRITING, &faults);
        let found: Vec<u64> = (0..6 - lost).collect();
        let expected = ["found []".to_owned(), format!("found {found:?}")];
        let info = details(&outcome, BELL, "info");
        let told = info.iter().filter(|detail| detail.starts_with("found"));
        assert_eq!(told.copied().collect::<Vec<_>>(), expected);
    }
}

/// Any write of any turn: of the turns in which the stream and the echo come to life, of appends,
/// handshakes and checkpoints.
#[test]
fn a_refused_write_fails_what_it_was_part_of_and_no_more() {
    let (mut refused, mut of_state) = (0, 0);
    for (subject, n) in [STREAM, ECHO]
        .iter()
        .flat_map(|it| (0..8).map(move |n| (*it, n)))
    {
        for write in 1..=4 {
            let outcome = world(&Echoes, &[("storage.write-error", subject, n, write)]);
            let tables = details(&outcome, subject, "refused");
            refused += tables.len();
            of_state += tables.iter().filter(|table| table.ends_with(" kv")).count();
            assert_eq!(details(&outcome, subject, "poison"), [""; 0]);
        }
    }
    assert!(
        refused > of_state && of_state > 10,
        "{of_state} of {refused}"
    );
}

/// B-01: the rows are the truth.
#[test]
fn a_stream_whose_cached_state_is_older_than_its_rows_catches_up() {
    let stale = [
        ("crash.at-time", STREAM, 0, 2_222),
        ("storage.stale-cache", STREAM, 0, 1),
    ];
    let outcome = world(&Echoes, &stale);
    let crash = lines(&outcome, STREAM, "crash")[0].at_us;
    let appends = lines(&outcome, STREAM, "append");
    let last = |line: &&&TraceEvent| -> u64 {
        let last = line.detail.split("..=").nth(1).expect("a range");
        last.split(' ').next().unwrap().parse().unwrap()
    };
    let before = appends.iter().rev().find(|line| line.at_us < crash);
    let after = appends.iter().find(|line| line.at_us > crash);
    let (before, after) = (before.as_ref().map(last), after.as_ref().map(last));
    assert_eq!(after.expect("it woke"), before.expect("it lived") + 1);
}

/// The times between the rings of an alarm, in seconds.
fn pauses_s(outcome: &Outcome) -> Vec<u64> {
    let rings = times_ms(outcome, BELL, "alarm");
    let rings: Vec<u64> = rings.iter().map(|ms| (ms + 100) / 1_000).collect();
    let mut pauses: Vec<u64> = rings.windows(2).map(|pair| pair[1] - pair[0]).collect();
    pauses.retain(|pause_s| *pause_s > 0);
    pauses
}

#[test]
fn an_alarm_that_fails_rings_again_with_doubling_pauses() {
    let outcome = world(&FAILING, &[]);
    let rings = details(&outcome, BELL, "info");
    assert_eq!(rings[1..], ["ring 1", "ring 2", "ring 3", "ring 4"]);
    assert_eq!(pauses_s(&outcome), [2, 4, 8]);
}

#[test]
fn an_alarm_that_keeps_failing_is_given_up_after_six_retries() {
    let outcome = world(&CRACKED, &[]);
    assert_eq!(details(&outcome, BELL, "info").last(), Some(&"ring 7"));
    assert_eq!(pauses_s(&outcome), [2, 4, 8, 16, 32, 64]);
    let last = details(&outcome, BELL, "alarm").pop();
    assert_eq!(last, Some("given up after 6 retries"));
}

#[test]
fn an_alarm_rings_in_a_fresh_incarnation() {
    let outcome = world(&RINGING, &[("crash.at-time", BELL, 0, 500)]);
    let alarms = details(&outcome, BELL, "alarm");
    assert_eq!(alarms, ["@2 rings"]);
    let outcome = world(&RINGING, &[("crash.before-alarm", BELL, 0, 1)]);
    let alarms = details(&outcome, BELL, "alarm");
    assert_eq!(alarms, ["@1 rings", "@2 rings"], "at least once");
    // What the handler does after its incarnation died is not a success.
    let outcome = world(&RINGING, &[("crash.before-call", BELL, 0, 1)]);
    let alarms = details(&outcome, BELL, "alarm");
    assert_eq!(alarms, ["@1 rings", "@2 rings"]);
}

#[test]
fn an_alarm_may_ring_late_or_twice() {
    let ring_ms = |faults: &[Fault]| times_ms(&world(&RINGING, faults), BELL, "alarm");
    let on_time = ring_ms(&[]);
    assert_eq!(on_time.len(), 1);
    assert!(on_time[0] >= ALARM_MS);
    let late = ring_ms(&[("alarm.late", BELL, 0, 5_000)]);
    assert_eq!(late, [on_time[0] + 5_000]);
    assert_eq!(ring_ms(&[("alarm.twice", BELL, 0, 1)]).len(), 2);
}
