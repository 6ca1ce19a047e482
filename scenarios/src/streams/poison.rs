//! Batches that a processor always or sometimes fails on: a payload that its schema refuses, a
//! failure that passes after some attempts, one at every connection, and a pause that refuses what
//! it appends, which is no failure of the batch. Poison is visible by one error for each checkpoint, retries are bounded, and the
//! other processors of the stream go on (spec §3.5; ).

use super::{
    faltering::{self, ordered, Failing},
    platform::{
        self, append, draw, echo_subscription, example, judged_by, stream, subscription, wait,
    },
};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::echo::contract::{Echoed, ECHOED, EXAMPLE};
use runtime::{
    event::{Event, EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::{ERROR_OCCURRED, PAUSED, RESUMED},
};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct Poison;

const STEPS: u64 = 8;

static STEP: Site = Site::draw(
    "workload.step",
    Shape::Below { count: 8 },
    "what is appended next: an example, an order to fail, a bad payload, or a pause and its end",
);
static FAILURES: Site = Site::draw(
    "workload.failures",
    Shape::Below { count: 8 },
    "how often a processor that is told to fail does so",
);
static LONG_WAIT: Site = Site::draw(
    "workload.long-wait-ms",
    Shape::Below { count: 15_000 },
    "how long nothing is appended",
);

const RECOVERED: Goal = Goal {
    name: "recovered",
    about: "a processor failed, and its batch succeeded later without an error in the log",
};
const GAVE_UP: Goal = Goal {
    name: "gave-up",
    about: "a processor gave up, and an error in the log says so",
};
const TAKEN_UP: Goal = Goal {
    name: "taken-up-again",
    about: "a processor that had given up went on after a later event",
};
const HELD_BACK: Goal = Goal {
    name: "echo-held-back",
    about: "an example was echoed after the end of a pause that had come before its echo",
};
const OTHERS_GO_ON: Goal = Goal {
    name: "others-go-on",
    about: "an example was echoed after another processor of the stream had given up",
};

impl Scenario for Poison {
    fn name(&self) -> &'static str {
        "streams-poison"
    }

    fn about(&self) -> &'static str {
        "batches that processors always or sometimes fail on: visible, bounded, and no other's matter"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            RECOVERED,
            GAVE_UP,
            TAKEN_UP,
            HELD_BACK,
            OTHERS_GO_ON,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/poison");
            for subscription in [
                subscription(faltering::BINDING, &stream, faltering::SLUG),
                echo_subscription(&stream),
                platform::breaker_subscription(&stream),
            ] {
                append(&world, &stream, vec![subscription]).await;
            }
            for number in 0..STEPS {
                step(&world, &stream, number).await;
                wait(&world, "steps").await;
                if number % 3 == 2 {
                    world.sleep(draw(&world, &LONG_WAIT, "steps")).await;
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes, Breakers, Pauses]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.log(&stream("/poison"));
        let gave_up = |event: &Event, processor| checkpoint_of(event, processor).is_some();
        let errors =
            |processor| all(log, ERROR_OCCURRED).filter(move |event| gave_up(event, processor));
        let handled = evidence.processors.iter();
        let handled = handled.filter(|stored| stored.processor == faltering::SLUG);
        let checkpoint = handled.map(|stored| stored.offset.0).max().unwrap_or(0);
        let told = all(log, faltering::ORDERED).any(|event| event.offset.0 <= checkpoint);
        let first_error = errors(faltering::SLUG).next();
        let passed = |event: &Event| checkpoint_of(event, faltering::SLUG) < Some(checkpoint);
        names([
            (RECOVERED, told && first_error.is_none()),
            (GAVE_UP, first_error.is_some()),
            (TAKEN_UP, errors(faltering::SLUG).any(|event| passed(event))),
            (
                HELD_BACK,
                all(log, PAUSED).any(|pause| {
                    let mut echoes = all(log, ECHOED).filter(|echo| echo.offset > pause.offset);
                    echoes.any(|echo| {
                        let echoed = echo.payload::<Echoed>();
                        echoed.is_ok_and(|echoed| echoed.of < pause.offset)
                    })
                }),
            ),
            (
                OTHERS_GO_ON,
                first_error
                    .is_some_and(|error| all(log, ECHOED).any(|echo| echo.offset > error.offset)),
            ),
            crashed(evidence),
        ])
    }
}

/// At which checkpoint a processor gave up, if that is what the event says.
fn checkpoint_of(event: &Event, processor: &str) -> Option<u64> {
    let key = event.idempotency_key.as_ref()?.as_str();
    let rest = key.strip_prefix("processor-ingest-failed:")?;
    rest.strip_prefix(processor)?
        .strip_prefix(':')?
        .parse()
        .ok()
}

async fn step(world: &Arc<World>, stream: &StreamName, number: u64) {
    let times = draw(world, &FAILURES, "faltering");
    let event = match draw(world, &STEP, "steps") {
        0..=2 => example(number),
        3 => ordered(number, Failing::ByItself(times)),
        4 => ordered(number, Failing::Transiently(times)),
        5 => ordered(number, Failing::AtConnections),
        6 => EventInput::new(EXAMPLE, json!({ "message": number }))
            .keyed(format!("workload/bad-{number}")),
        _ => return pause(world, stream, number).await,
    };
    append(world, stream, vec![event]).await;
}

/// Pauses the stream while an example is being echoed.
async fn pause(world: &Arc<World>, stream: &StreamName, number: u64) {
    let change =
        |kind, name| EventInput::new(kind, json!({})).keyed(format!("workload/{name}-{number}"));
    let example = append(world, stream, vec![example(number)]);
    let paused = append(world, stream, vec![change(PAUSED, "paused")]);
    futures_util::future::join(example, paused).await;
    wait(world, "pause").await;
    append(world, stream, vec![change(RESUMED, "resumed")]).await;
}
