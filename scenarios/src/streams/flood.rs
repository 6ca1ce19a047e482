//! A flood trips the circuit breaker: ordinary appends are refused while the stream is paused,
//! somebody resumes it, and appends are taken again. The breaker attaches before the flood, or in the
//! middle of it (B-33).

use super::platform::{self, append, is_paused, judged_by, noted, stream, wait_ms};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join, join_all, BoxFuture};
use processors::circuit_breaker::contract::{Configured, CONFIGURED};
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::{PAUSED, RESUMED},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::{num::NonZeroU64, sync::Arc};

pub struct Flood;

const WRITERS: u64 = 3;

static BURST: Site = Site::operation(
    "workload.burst-capacity",
    Shape::Below { count: 20 },
    "how many events more than five may come at once",
);
static EVENTS: Site = Site::operation(
    "workload.flood-events",
    Shape::Below { count: 24 },
    "how many events one writer of the flood appends",
);
static ATTACHES_LATE: Site = Site::operation(
    "workload.breaker-late",
    Shape::Below { count: 2 },
    "whether the breaker is subscribed while the flood is under way",
);
static REACTION: Site = Site::operation(
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

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    Limit {
        burst_capacity: NonZeroU64,
    },
    Subscribe,
    /// While the flood is under way, and again until it is taken.
    SubscribeLate {
        every_ms: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Note {
    number: u64,
    /// What the writer does afterwards.
    pause_ms: u64,
}

/// Somebody looks whether the stream is paused.
#[derive(Serialize, Deserialize)]
struct Look {
    number: u64,
    after_ms: u64,
}

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
            let mut late = None;
            for step in world.operations("operator", operator) {
                match step {
                    Operator::Limit { burst_capacity } => {
                        append(&world, &stream, vec![limits(burst_capacity)]).await;
                    }
                    Operator::Subscribe => {
                        let breaker = platform::breaker_subscription(&stream);
                        append(&world, &stream, vec![breaker]).await;
                    }
                    Operator::SubscribeLate { every_ms } => late = Some(every_ms),
                }
            }
            let writers = join_all((0..WRITERS).map(|writer| flood(&world, &stream, writer)));
            let late = async {
                if let Some(every_ms) = late {
                    subscribe_until_taken(&world, &stream, every_ms).await;
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

/// The limits, and the breaker: before the flood, or in the middle of it.
fn operator(draws: &Draws<'_>) -> Vec<Operator> {
    let subscribe = match draws.draw(&ATTACHES_LATE, "breaker") {
        0 => Operator::Subscribe,
        _ => Operator::SubscribeLate {
            every_ms: wait_ms(draws, "breaker"),
        },
    };
    let limit = Operator::Limit {
        burst_capacity: NonZeroU64::MIN.saturating_add(4 + draws.draw(&BURST, "breaker")),
    };
    vec![limit, subscribe]
}

/// A token a second comes back.
fn limits(burst_capacity: NonZeroU64) -> EventInput {
    let configured = Configured {
        burst_capacity,
        refill_rate_per_minute: NonZeroU64::new(60).expect("not zero"),
    };
    EventInput::new(CONFIGURED, configured).keyed("workload/limits")
}

async fn subscribe_until_taken(world: &Arc<World>, stream: &StreamName, every_ms: u64) {
    let mut is_due = true;
    while is_due {
        world.sleep(every_ms.max(1)).await;
        let breaker = platform::breaker_subscription(stream);
        is_due = append(world, stream, vec![breaker]).await.is_none();
    }
}

/// Appends without a look at what it is answered.
async fn flood(world: &Arc<World>, stream: &StreamName, writer: u64) {
    let subject = format!("writer {writer}");
    let notes = world.operations(subject.as_str(), |draws| {
        let note = |number| Note {
            number: 100 * writer + number,
            pause_ms: wait_ms(draws, &subject),
        };
        let events = draws.draw(&EVENTS, subject.as_str());
        (0..events).map(note).collect()
    });
    for Note { number, pause_ms } in notes {
        append(world, stream, vec![noted(number)]).await;
        world.sleep(pause_ms).await;
    }
}

/// Looks after the stream, until an ordinary append is taken when the flood is over.
async fn resume(world: &Arc<World>, stream: &StreamName) {
    let looks = world.operations("somebody", |draws| {
        let look = |number| Look {
            number,
            after_ms: 1_000 + draws.draw(&REACTION, "somebody"),
        };
        (0..LOOKS_MAX).map(look).collect()
    });
    let (mut taken_in_a_row, mut looked) = (0, 0);
    for Look { number, after_ms } in looks {
        looked += 1;
        world.sleep(after_ms).await;
        if is_paused(world, stream).await {
            let resumed = EventInput::new(RESUMED, json!({ "reason": "seen to" }));
            let resumed = resumed.keyed(format!("workload/resumed-{number}"));
            append(world, stream, vec![resumed]).await;
        }
        let probe = append(world, stream, vec![noted(10_000 + number)]).await;
        taken_in_a_row = match probe {
            Some(_) => taken_in_a_row + 1,
            None => 0,
        };
        if taken_in_a_row == 3 {
            return;
        }
    }
    // Who was kept from looking cannot say so.
    if looked < LOOKS_MAX {
        return;
    }
    world.observe("never-taken", json!({ "stream": stream.to_string() }));
}
