//! A stream of thousands of events, and subscribers that come late: a filtered one, one that takes
//! everything, and outsiders that replay it from the beginning or from the middle.

use super::{
    follower::{follow, Following},
    platform::{self, append, draw, echo_subscription, example, judged_by, noted, stream, wait},
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::echo::contract::{ECHOED, EXAMPLE};
use runtime::{
    event::{EventInput, EventType, Offset},
    object::Class,
    processor::Fold,
};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct LateSubscribers;

const EVENTS: u64 = 5_000;
/// So many come in one batch.
const BATCH_EVENTS: u64 = 250;
/// One of so many is an example.
const EXAMPLE_EVERY: u64 = 50;

static FROM: Site = Site::draw(
    "workload.replay-after",
    Shape::Below { count: EVENTS },
    "after which offset an outsider replays the stream; half of them from the beginning",
);
static FILTERED: Site = Site::draw(
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
            let numbers: Vec<u64> = (0..EVENTS).collect();
            for batch in numbers.chunks(BATCH_EVENTS as usize) {
                let events: Vec<EventInput> = batch.iter().copied().map(event).collect();
                append(&world, &stream, events).await;
            }
            let from = draw(&world, &FROM, "outsider");
            let types: &[EventType] = match draw(&world, &FILTERED, "outsider") {
                0 => &[],
                _ => &[EXAMPLE],
            };
            follow(
                &world,
                Following {
                    stream: stream.clone(),
                    after: Offset(from * (from % 2)),
                    until: Offset(EVENTS - EXAMPLE_EVERY),
                    types: types.to_vec(),
                },
            );
            for subscription in [
                echo_subscription(&stream),
                platform::breaker_subscription(&stream),
            ] {
                wait(&world, "attach").await;
                append(&world, &stream, vec![subscription]).await;
            }
            for number in EVENTS..EVENTS + 3 {
                wait(&world, "live").await;
                append(&world, &stream, vec![example(number)]).await;
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

fn event(number: u64) -> EventInput {
    match number % EXAMPLE_EVERY {
        0 => example(number),
        _ => noted(number),
    }
}
