//! A stream of thousands of events, and subscribers that come late: a filtered one, one that takes
//! everything, and outsiders that replay it from the beginning or from the middle.

use super::{
    follower::{follow, Following},
    platform::{self, append, example, judged_by, noted, stream, wait_ms, Listener},
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::echo::contract::{ECHOED, EXAMPLE};
use runtime::{
    event::{EventInput, EventType, Offset, StreamName},
    object::Class,
    processor::Fold,
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct LateSubscribers;

const EVENTS: u64 = 5_000;
/// So many come in one batch.
const BATCH_EVENTS: u64 = 250;
/// One of so many is an example.
const EXAMPLE_EVERY: u64 = 50;

static FROM: Site = Site::operation(
    "workload.replay-after",
    Shape::Below { count: EVENTS },
    "after which offset an outsider replays the stream; half of them from the beginning",
);
static FILTERED: Site = Site::operation(
    "workload.replay-filtered",
    Shape::Below { count: 2 },
    "whether an outsider asks for examples only",
);

const REPLAYED: Goal = Goal {
    name: "replayed-from-0",
    about: "an outsider read everything from the beginning",
};
const FILTERED_REPLAY: Goal = Goal {
    name: "replayed-filtered",
    about: "an outsider read the examples only",
};
const ECHO_LIVE: Goal = Goal {
    name: "echoed",
    about: "the late echo echoed what came after it",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Archive {
        count: u64,
    },
    /// An outsider reads the stream.
    Replay {
        after: Offset,
        until: Offset,
        is_filtered: bool,
    },
    Subscribe {
        after_ms: u64,
        listener: Listener,
    },
    Example {
        after_ms: u64,
        number: u64,
    },
}

impl Scenario for LateSubscribers {
    fn name(&self) -> &'static str {
        "streams-late-subscribers"
    }

    fn about(&self) -> &'static str {
        "late subscribers of a stream of 5,000 events: filtered, wildcard, and by replay from outside"
    }

    fn goals(&self) -> &'static [Goal] {
        &[REPLAYED, FILTERED_REPLAY, ECHO_LIVE, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/archive");
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Archive { count } => archive(&world, &stream, count).await,
                    Step::Replay {
                        after,
                        until,
                        is_filtered,
                    } => {
                        let types: &[EventType] = if is_filtered { &[EXAMPLE] } else { &[] };
                        let following = Following {
                            stream: stream.clone(),
                            after,
                            until,
                            types: types.to_vec(),
                        };
                        follow(&world, following);
                    }
                    Step::Subscribe { after_ms, listener } => {
                        world.sleep(after_ms).await;
                        append(&world, &stream, vec![listener.subscription(&stream)]).await;
                    }
                    Step::Example { after_ms, number } => {
                        world.sleep(after_ms).await;
                        append(&world, &stream, vec![example(number)]).await;
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes, Breakers, Followers]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.logs.get(&stream("/archive"));
        let echoes = log.map_or(0, |log| count(log, &ECHOED));
        let followed = |holds: fn(&serde_json::Value) -> bool| {
            let mut followed = evidence.observed("followed");
            followed.any(|observation| holds(&observation.value))
        };
        let is_filtered = |value: &serde_json::Value| value["types"] != serde_json::json!([]);
        names([
            (REPLAYED, followed(|value| value["after"] == 0)),
            (FILTERED_REPLAY, followed(is_filtered)),
            (ECHO_LIVE, echoes > 0),
            crashed(evidence),
        ])
    }
}

/// The past, an outsider, two subscribers, and what is live.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let from = draws.draw(&FROM, "outsider");
    let mut steps = vec![
        Step::Archive { count: EVENTS },
        Step::Replay {
            after: Offset(from * (from % 2)),
            until: Offset(EVENTS - EXAMPLE_EVERY),
            is_filtered: draws.draw(&FILTERED, "outsider") == 1,
        },
    ];
    for listener in [Listener::Echo, Listener::Breaker] {
        let after_ms = wait_ms(draws, "attach");
        steps.push(Step::Subscribe { after_ms, listener });
    }
    for number in EVENTS..EVENTS + 3 {
        let after_ms = wait_ms(draws, "live");
        steps.push(Step::Example { after_ms, number });
    }
    steps
}

async fn archive(world: &Arc<World>, stream: &StreamName, count: u64) {
    let numbers: Vec<u64> = (0..count).collect();
    for batch in numbers.chunks(BATCH_EVENTS as usize) {
        let events: Vec<EventInput> = batch.iter().copied().map(event).collect();
        append(world, stream, events).await;
    }
}

fn event(number: u64) -> EventInput {
    match number % EXAMPLE_EVERY {
        0 => example(number),
        _ => noted(number),
    }
}
