//! What the fleet writes down of an incarnation, for those who have to excuse what it did: how far its
//! clock was off, when it stood still, and which of its connections got a fate.

use crate::{
    bell::Bells,
    decided::{decided, times_ms, Fault},
};
use futures_util::future::BoxFuture;
use runtime::object::Class;
use sim::{
    fleet::{Disturbance, Lifetime, Still},
    oracles::{Evidence, Oracle, Violation},
    scenario::{Scenario, Services},
    world::{run, Outcome, World},
};
use std::sync::Arc;

const EDGE: &str = "edge edge";
const BELL: &str = "bell p1:/bell";
const STREAM: &str = "stream p1:/bell";

static RINGING: Bells = Bells {
    method: "arm",
    failures: 0,
};

/// The bells, told by an oracle that finds every world wrong and says who lived.
struct Told;

impl Scenario for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn about(&self) -> &'static str {
        RINGING.about()
    }

    fn classes(&self) -> &'static [Class] {
        RINGING.classes()
    }

    fn services(&self) -> Services {
        RINGING.services()
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        RINGING.workload(world)
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Lives]
    }
}

struct Lives;

impl Oracle for Lives {
    fn name(&self) -> &'static str {
        "lives"
    }

    fn asserts(&self) -> &'static str {
        "nobody ever lived"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let lives: Vec<String> = evidence.lifetimes.iter().map(line).collect();
        Err(Violation::safety("told", lives.join("\n")))
    }
}

fn line(life: &Lifetime) -> String {
    let (clock_ms, stills, disturbances) = (life.clock_ms, &life.stills, &life.disturbances);
    format!("{}: {clock_ms} {stills:?} {disturbances:?}", life.object)
}

/// What is written down of an object's incarnations in a world with these faults.
fn lives(object: &str, faults: &[Fault]) -> (Vec<String>, Outcome) {
    let outcome = run(&decided(&Told, faults));
    let failure = outcome.failure.as_ref().expect("it tells");
    let own = failure.message.lines().filter_map(|line| {
        let (of, told) = line.split_once(": ")?;
        (of == object).then(|| told.to_owned())
    });
    (own.collect(), outcome)
}

fn told(clock_ms: i64, stills: &[Still], disturbances: &[Disturbance]) -> String {
    format!("{clock_ms} {stills:?} {disturbances:?}")
}

#[test]
fn who_suffers_nothing_has_nothing_written_down() {
    for object in [EDGE, BELL, STREAM] {
        assert_eq!(lives(object, &[]).0, [told(0, &[], &[])]);
    }
}

#[test]
fn the_clock_of_an_incarnation_is_the_one_that_it_began_with() {
    // Workers are started before there are faults.
    let restart = ("fleet.rolling-restart", "fleet", 0, 500);
    let ahead = ("clock.skew-ahead", EDGE, 0, 30_000);
    let back = ("clock.jump-back", EDGE, 0, 90_000);
    let (worker, _) = lives(EDGE, &[restart, ahead, back]);
    assert_eq!(worker, [told(0, &[], &[]), told(-60_000, &[], &[])]);
    let (stream, _) = lives(STREAM, &[restart, ahead]);
    assert!(stream.iter().all(|life| *life == told(0, &[], &[])));
}

#[test]
fn a_pause_has_a_beginning_and_an_end() {
    let (bell, outcome) = lives(BELL, &[("object.pause", BELL, 0, 700)]);
    let began_ms = times_ms(&outcome, BELL, "pause")[0];
    let still = Still {
        began_ms,
        ended_ms: Some(began_ms + 700),
    };
    assert_eq!(bell, [told(0, &[still], &[])]);
}

#[test]
fn a_connection_with_a_fate_is_accepted_or_not() {
    for (subject, is_accepted) in [(EDGE, true), ("edge edge → slack.com", false)] {
        let (worker, outcome) = lives(EDGE, &[("tcp.short", subject, 0, 7)]);
        let at_ms = times_ms(&outcome, EDGE, "disturbed")[0];
        let disturbance = Disturbance { is_accepted, at_ms };
        assert_eq!(worker, [told(0, &[], &[disturbance])]);
    }
}

#[test]
fn only_what_lies_within_a_time_counts_of_a_pause() {
    let still = |began_ms, ended_ms| Still { began_ms, ended_ms };
    let life = |ended_ms| Lifetime {
        object: runtime::call::ObjectName::new("BELL", "p1:/bell"),
        incarnation: 1,
        began_ms: 0,
        ended_ms,
        clock_ms: 0,
        stills: vec![still(100, Some(200)), still(500, None)],
        disturbances: Vec::new(),
    };
    assert_eq!(life(None).stood_still_ms(0, 1_000), 600);
    assert_eq!(life(Some(700)).stood_still_ms(150, 1_000), 250);
    assert_eq!(life(Some(700)).stood_still_ms(200, 500), 0);
}
