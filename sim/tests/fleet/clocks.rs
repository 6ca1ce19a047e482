//! Wall clocks that are off, and jump on a restart: streams' times and alarms go by them, simulated
//! time does not, and a healed world has none.

use crate::{
    bell::{Bells, ALARM_MS},
    decided::{details, lines, times_ms, world, Fault},
    echo::{stream_name, Echoes},
};
use sim::{time::EPOCH, world::Outcome};

const STREAM: &str = "stream p1:/echo";
const BELL: &str = "bell p1:/bell";

/// The faults that are shown here.
pub const SHOWN: &[&str] = &[
    "clock.skew-behind",
    "clock.skew-ahead",
    "clock.jump-back",
    "clock.jump-forward",
];

static RINGING: Bells = Bells {
    method: "arm",
    failures: 0,
};

/// How far the times that the stream gave its events are from those of the world, in milliseconds,
/// in order, without repetition.
fn offsets_ms(outcome: &Outcome) -> Vec<i64> {
    let appended = lines(outcome, STREAM, "append");
    let logs = outcome.logs.iter();
    let mut logs = logs.filter(|log| log.name == stream_name());
    let log = logs.next().expect("it has a log");
    let offset_ms = |event: &std::sync::Arc<runtime::event::Event>| {
        let beginning = format!("{}..=", event.offset);
        let mut lines = appended.iter();
        let line = lines.find(|line| line.detail.starts_with(&beginning));
        let at_ms = (line.expect("it was appended").at_us / 1_000) as i64;
        event.created_at.unix_ms - EPOCH.unix_ms - at_ms
    };
    let mut offsets: Vec<i64> = log.events.iter().map(offset_ms).collect();
    offsets.dedup();
    offsets
}

#[test]
fn a_skewed_clock_is_off_in_every_incarnation() {
    let crash = ("crash.at-time", STREAM, 0, 2_222);
    let ahead = world(&Echoes, &[crash, ("clock.skew-ahead", STREAM, 0, 60_000)]);
    assert_eq!(offsets_ms(&ahead)[..1], [60_000]);
    assert_eq!(
        details(&ahead, STREAM, "clock"),
        ["60000 ms off", "right again"]
    );
    assert!(details(&ahead, STREAM, "start").len() == 2);
    let behind = world(&Echoes, &[("clock.skew-behind", STREAM, 0, 60_000)]);
    assert_eq!(offsets_ms(&behind)[..1], [-60_000]);
}

#[test]
fn a_clock_jumps_on_a_restart() {
    let crash = ("crash.at-time", STREAM, 0, 2_222);
    let back = world(&Echoes, &[crash, ("clock.jump-back", STREAM, 0, 90_000)]);
    assert_eq!(offsets_ms(&back)[..2], [0, -90_000]);
    let forward = world(&Echoes, &[crash, ("clock.jump-forward", STREAM, 0, 90_000)]);
    assert_eq!(offsets_ms(&forward)[..2], [0, 90_000]);
}

#[test]
fn clocks_are_right_when_the_world_is_healed() {
    let outcome = world(&Echoes, &[("clock.skew-ahead", STREAM, 0, 60_000)]);
    let healed = times_ms(&outcome, "world", "heal")[0];
    assert_eq!(times_ms(&outcome, STREAM, "clock")[1], healed);
    // The idle teardown, which came later.
    assert_eq!(offsets_ms(&outcome), [60_000, 0]);
}

fn rings_ms(faults: &[Fault]) -> Vec<u64> {
    times_ms(&world(&RINGING, faults), BELL, "alarm")
}

#[test]
fn an_alarm_rings_when_the_objects_own_clock_says_so() {
    let on_time = rings_ms(&[])[0];
    assert!(on_time >= ALARM_MS);
    // It was set by that clock as well.
    assert_eq!(
        rings_ms(&[("clock.skew-ahead", BELL, 0, 30_000)]),
        [on_time]
    );
    assert_eq!(
        rings_ms(&[("clock.skew-behind", BELL, 0, 30_000)]),
        [on_time]
    );
    let restart = ("fleet.rolling-restart", "fleet", 0, 500);
    let back = ("clock.jump-back", BELL, 0, 3_000);
    assert_eq!(rings_ms(&[restart, back]), [on_time + 3_000]);
    let forward = ("clock.jump-forward", BELL, 0, 3_000);
    assert_eq!(rings_ms(&[restart, forward]), [506], "at once");
}

/// Set by a clock that was far ahead; it waits no longer than until the clock is right.
#[test]
fn an_alarm_that_was_set_by_a_wrong_clock_rings_all_the_same() {
    let restart = ("fleet.rolling-restart", "fleet", 0, 500);
    let back = ("clock.jump-back", BELL, 0, 150_000);
    let outcome = world(&RINGING, &[restart, back]);
    let healed = times_ms(&outcome, "world", "heal")[0];
    let rings = times_ms(&outcome, BELL, "alarm");
    assert!(
        rings.len() == 1 && rings[0] >= healed && rings[0] < healed + 10,
        "{rings:?}"
    );
}
