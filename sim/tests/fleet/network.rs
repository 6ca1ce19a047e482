//! Faults of calls and of the network: what callers, callees and services see of them.

use crate::{
    bell::Bells,
    decided::{details, lines, times_ms, world, Fault},
    echo::Echoes,
};
use sim::world::Outcome;

/// Faults of the platform that are shown here.
pub const SHOWN: &[&str] = &["tcp.reset", "tcp.half-open", "tcp.short"];

const STREAM: &str = "stream p1:/echo";
const ECHO: &str = "echo p1:/echo";
const DELIVERIES: &str = "stream p1:/echo → echo p1:/echo";
const APPENDS: &str = "echo p1:/echo → stream p1:/echo";
/// Connections of the worker: from Slack, and to it.
const EDGE: &str = "edge edge";
const QUESTIONS: &str = "edge edge → slack.com";

/// Slack sends the worker one event, and waits for three seconds.
static RINGING: Bells = Bells {
    method: "arm",
    failures: 0,
};

/// When the callee took a method from a caller, in milliseconds.
fn deliveries_ms(outcome: &Outcome, callee: &str, method: &str, caller: &str) -> Vec<u64> {
    let wanted = format!("{method} from {caller}");
    let lines = lines(outcome, callee, "deliver").into_iter();
    let delivered = lines.filter(|line| line.detail == wanted);
    delivered.map(|line| line.at_us / 1_000).collect()
}

/// When that call was made, in milliseconds.
fn calls_ms(outcome: &Outcome, caller: &str, method: &str, callee: &str) -> Vec<u64> {
    let wanted = format!("{method} on {callee}");
    let lines = lines(outcome, caller, "call").into_iter();
    let called = lines.filter(|line| line.detail == wanted);
    called.map(|line| line.at_us / 1_000).collect()
}

fn fails_with(outcome: &Outcome, place: &str, words: &str) -> bool {
    let failures = details(outcome, place, "failure");
    failures.iter().any(|failure| failure.contains(words))
}

#[test]
fn a_call_that_the_platform_refuses_is_not_delivered() {
    for (caller, pair, n) in [(STREAM, DELIVERIES, 3), (ECHO, APPENDS, 1)] {
        let outcome = world(&Echoes, &[("rpc.callee-error", pair, n, 1)]);
        assert!(fails_with(&outcome, caller, "overloaded: too many calls"));
        let (callee, method) = match caller {
            STREAM => (ECHO, "processEventBatch"),
            _ => (STREAM, "appendBatch"),
        };
        let calls = calls_ms(&outcome, caller, method, callee).len();
        let delivered = deliveries_ms(&outcome, callee, method, caller).len();
        assert!(delivered < calls, "{delivered} of {calls}");
    }
}

/// The echo appends again, under the same key, before its lost append arrives.
#[test]
fn a_call_that_was_given_up_arrives_late() {
    let late_ms = 5_000;
    let outcome = world(&Echoes, &[("rpc.request-late", APPENDS, 1, late_ms)]);
    assert!(fails_with(&outcome, ECHO, "outcome unknown"));
    let calls = calls_ms(&outcome, ECHO, "appendBatch", STREAM);
    let delivered = deliveries_ms(&outcome, STREAM, "appendBatch", ECHO);
    assert_eq!(delivered.len(), calls.len(), "every one arrives, once");
    let is_late = |ms: &&u64| calls.iter().any(|call| **ms >= call + late_ms);
    let late = delivered.iter().find(is_late).expect("one is late");
    let appended = times_ms(&outcome, STREAM, "append");
    assert!(appended.iter().all(|ms| ms != late), "it was known already");
}

/// On the connection of a capability nothing overtakes: a late batch is the last one.
#[test]
fn what_was_given_up_on_a_capability_is_the_last_that_comes_on_it() {
    let mut were_later_ones_refused = false;
    for n in 2..6 {
        let outcome = world(&Echoes, &[("rpc.request-late", DELIVERIES, n, 1_000)]);
        let batches = times_ms(&outcome, STREAM, "batch");
        let delivered = deliveries_ms(&outcome, ECHO, "processEventBatch", STREAM);
        // Those that are refused never arrive: the stream dials anew, and sends them again.
        were_later_ones_refused |= delivered.len() < batches.len();
        assert!(fails_with(&outcome, STREAM, "the request was lost"));
    }
    assert!(were_later_ones_refused);
}

fn parted(pair: &'static str, n: u32, variant: u64) -> Outcome {
    world(&Echoes, &[("net.partition", pair, n, variant)])
}

/// Deliveries from the stream in the three seconds that begin with the partition.
fn deliveries_meanwhile(outcome: &Outcome) -> usize {
    let began = times_ms(outcome, STREAM, "partition")[0];
    let meanwhile = began..began + 3_000;
    let delivered = deliveries_ms(outcome, ECHO, "processEventBatch", STREAM);
    assert!(delivered.iter().any(|ms| *ms >= meanwhile.end), "it ends");
    let delivered = delivered.iter().filter(|ms| meanwhile.contains(ms));
    delivered.count()
}

#[test]
fn a_partition_loses_requests_replies_or_both_for_a_while() {
    let (both, there, back) = (2, 5, 8);
    let outcome = parted(DELIVERIES, 2, there);
    assert_eq!(deliveries_meanwhile(&outcome), 0);
    assert!(fails_with(&outcome, STREAM, "the request was lost"));
    assert_eq!(details(&outcome, STREAM, "disconnect"), [""; 0]);

    let outcome = parted(DELIVERIES, 2, back);
    assert!(deliveries_meanwhile(&outcome) > 0);
    assert!(fails_with(&outcome, STREAM, "the reply was lost"));

    let outcome = parted(DELIVERIES, 2, both);
    assert_eq!(deliveries_meanwhile(&outcome), 0);
    let broken = details(&outcome, STREAM, "disconnect");
    assert_eq!(broken, ["echo p1:/echo@1"], "although it lives");
    assert_eq!(details(&outcome, ECHO, "start"), ["@1"]);
}

#[test]
fn what_is_held_arrives_later_and_in_order() {
    let hold_ms = 2_000;
    let outcome = world(&Echoes, &[("net.hold", DELIVERIES, 2, hold_ms)]);
    let began = times_ms(&outcome, STREAM, "hold")[0];
    let delivered = deliveries_ms(&outcome, ECHO, "processEventBatch", STREAM);
    let until = began + hold_ms;
    assert!(!delivered.iter().any(|ms| (began + 2..until).contains(ms)));
    let released = delivered
        .iter()
        .filter(|ms| (until..until + 3).contains(ms));
    assert!(released.count() >= 2, "{delivered:?}");
    assert_eq!(details(&outcome, STREAM, "failure"), [""; 0]);
}

fn ring(faults: &[Fault]) -> Outcome {
    world(&RINGING, faults)
}

/// What Slack wrote down of its deliveries: `Delivered`, `Refused`, `Acknowledged`.
fn slack_facts(outcome: &Outcome) -> Vec<String> {
    let facts = details(outcome, "slack", "peer").into_iter();
    let words = facts.filter_map(|fact| fact.split(' ').nth(1));
    let known = ["Delivered", "Refused", "Acknowledged"];
    words
        .filter(|word| known.contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_connection_is_reset_in_the_middle_and_made_again() {
    assert_eq!(slack_facts(&ring(&[])), ["Delivered", "Acknowledged"]);
    let again = ["Delivered", "Refused", "Delivered", "Acknowledged"];
    // In the middle of the request, and of the answer to it.
    for bytes in [1, 200, 600] {
        let outcome = ring(&[("tcp.reset", EDGE, 0, bytes)]);
        assert_eq!(slack_facts(&outcome), again, "after {bytes}");
    }
    // The worker's own question is cut off; it acknowledges nothing.
    let outcome = ring(&[("tcp.reset", QUESTIONS, 0, 60)]);
    assert_eq!(slack_facts(&outcome), again);
}

#[test]
fn on_a_half_open_connection_nobody_is_told_until_a_time_out() {
    let (there, back) = (1, 4);
    let again = ["Delivered", "Refused", "Delivered", "Acknowledged"];
    for way in [there, back] {
        let outcome = ring(&[("tcp.half-open", EDGE, 0, way)]);
        assert_eq!(slack_facts(&outcome), again);
        let facts = lines(&outcome, "slack", "peer");
        let at_ms = |word: &str| {
            let mut those = facts.iter().filter(|line| line.detail.contains(word));
            those.next().expect("it happened").at_us / 1_000
        };
        let waited_ms = at_ms("Refused") - at_ms("Delivered");
        assert!(waited_ms >= 2_990, "Slack was told after {waited_ms} ms");
    }
}

/// The world comes to rest while the worker waits for an answer without a time-out; healing resets
/// the connection, so that this stall, of the harness's own making, does not last.
#[test]
fn healing_resets_what_is_half_open() {
    let (there, back) = (1, 4);
    for way in [there, back] {
        let outcome = ring(&[("tcp.half-open", QUESTIONS, 0, way)]);
        let healed = times_ms(&outcome, "world", "heal")[0];
        assert!(times_ms(&outcome, "slack", "peer")[0] < healed);
        assert_eq!(slack_facts(&outcome).last().unwrap(), "Acknowledged");
    }
}

#[test]
fn a_connection_in_small_pieces_carries_everything() {
    for bytes in [1, 7] {
        let outcome = ring(&[("tcp.short", QUESTIONS, 0, bytes)]);
        assert_eq!(slack_facts(&outcome), ["Delivered", "Acknowledged"]);
    }
}
