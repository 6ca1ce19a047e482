//! A flood trips the circuit breaker: ordinary appends are refused while the stream is paused,
//! somebody resumes it, and appends are taken again. The breaker attaches before the flood, or in the
//! middle of it (B-33).

use super::platform::{self, append, draw, is_paused, judged_by, noted, stream, wait};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join, join_all, BoxFuture};
use processors::circuit_breaker::contract::{Configured, CONFIGURED};
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::{PAUSED, RESUMED},
};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::{num::NonZeroU64, sync::Arc};

pub struct Flood;

const WRITERS: u64 = 3;

static BURST: Site = Site::draw(
    "workload.burst-capacity",
    Shape::Below { count: 20 },
    "how many events more than five may come at once",
);
static EVENTS: Site = Site::draw(
    "workload.flood-events",
    Shape::Below { count: 24 },
    "how many events one writer of the flood appends",
);
static ATTACHES_LATE: Site = Site::draw(
    "workload.breaker-late",
    Shape::Below { count: 2 },
    "whether the breaker is subscribed while the flood is under way",
);
static REACTION: Site = Site::draw(
    "workload.reaction-ms",
    Shape::Below { count: 3_000 },
    "how long it takes until somebody looks whether the stream is paused",
);

/// How often somebody looks, before everybody goes home.
const LOOKS_MAX: u64 = 40;

const TRIPPED: Goal = Goal {
    name: "tripped",
    about: "the breaker paused the stream",
};
const TRIPPED_TWICE: Goal = Goal {
    name: "tripped-twice",
    about: "it paused the stream again after it had been resumed",
};
const REFUSED: Goal = Goal {
    name: "refused",
    about: "an append was refused because the stream was paused",
};
const TAKEN_AGAIN: Goal = Goal {
    name: "taken-again",
    about: "an append was taken after the stream had been resumed",
};
const ACROSS_ANCHOR: Goal = Goal {
    name: "flood-across-anchor",
    about: "the flood had begun before the breaker was subscribed, and still paused the stream",
};

impl Scenario for Flood {
    fn name(&self) -> &'static str {
        "streams-flood"
    }

    fn about(&self) -> &'static str {
        "a flood trips the circuit breaker; somebody resumes the stream, and appends are taken again"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            TRIPPED,
            TRIPPED_TWICE,
            REFUSED,
            TAKEN_AGAIN,
            ACROSS_ANCHOR,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/flood");
            append(&world, &stream, vec![limits(&world)]).await;
            let is_late = draw(&world, &ATTACHES_LATE, "breaker") == 1;
            let breaker = platform::breaker_subscription(&stream);
            if !is_late {
                append(&world, &stream, vec![breaker.clone()]).await;
            }
            let writers = join_all((0..WRITERS).map(|writer| flood(&world, &stream, writer)));
            let late = async {
                let mut is_due = is_late;
                while is_due {
                    wait(&world, "breaker").await;
                    let taken = append(&world, &stream, vec![breaker.clone()]).await;
                    is_due = taken.is_none();
                }
            };
            join(writers, join(late, resume(&world, &stream))).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Appends, Breakers]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.log(&stream("/flood"));
        let pauses = all(log, PAUSED).count();
        let resumed = all(log, RESUMED).next_back().map(|event| event.offset);
        let ordinary = all(log, platform::NOTED)
            .next_back()
            .map(|event| event.offset);
        let first = all(log, platform::NOTED).next().map(|event| event.offset);
        let anchor = evidence.anchors.first().map(|anchor| anchor.offset);
        names([
            (TRIPPED, pauses > 0),
            (TRIPPED_TWICE, pauses > 1),
            (REFUSED, evidence.observed("refused").next().is_some()),
            (TAKEN_AGAIN, resumed.is_some() && ordinary > resumed),
            (
                ACROSS_ANCHOR,
                pauses > 0 && first.is_some() && first < anchor,
            ),
            crashed(evidence),
        ])
    }
}

/// A token a second comes back.
fn limits(world: &World) -> EventInput {
    let limit = |tokens| NonZeroU64::new(tokens).expect("not zero");
    let configured = Configured {
        burst_capacity: limit(5 + draw(world, &BURST, "breaker")),
        refill_rate_per_minute: limit(60),
    };
    EventInput::new(CONFIGURED, configured).keyed("workload/limits")
}

/// Appends without a look at what it is answered.
async fn flood(world: &Arc<World>, stream: &StreamName, writer: u64) {
    let subject = format!("writer {writer}");
    for number in 0..draw(world, &EVENTS, &subject) {
        append(world, stream, vec![noted(100 * writer + number)]).await;
        wait(world, &subject).await;
    }
}

/// Looks after the stream, until an ordinary append is taken when the flood is over.
async fn resume(world: &Arc<World>, stream: &StreamName) {
    let mut taken_in_a_row = 0;
    for look in 0..LOOKS_MAX {
        world
            .sleep(1_000 + draw(world, &REACTION, "somebody"))
            .await;
        if is_paused(world, stream).await {
            let resumed = EventInput::new(RESUMED, json!({ "reason": "seen to" }));
            let resumed = resumed.keyed(format!("workload/resumed-{look}"));
            append(world, stream, vec![resumed]).await;
        }
        let probe = append(world, stream, vec![noted(10_000 + look)]).await;
        taken_in_a_row = match probe {
            Some(_) => taken_in_a_row + 1,
            None => 0,
        };
        if taken_in_a_row == 3 {
            return;
        }
    }
    world.observe("never-taken", json!({ "stream": stream.to_string() }));
}
