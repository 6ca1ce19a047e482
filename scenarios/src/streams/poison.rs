//! Batches that a processor always or sometimes fails on: a payload that its schema refuses, a
//! failure that passes after some attempts, one at every connection, and a pause that refuses what
//! it appends, which is no failure of the batch. Poison is visible by one error for each checkpoint, retries are bounded, and the
//! other processors of the stream go on (spec §3.5; ).

use super::{
    faltering::{self, ordered, Failing},
    platform::{
        self, append, echo_subscription, example, judged_by, stream, subscription, wait_ms,
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
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Poison;

const STEPS: u64 = 8;

static STEP: Site = Site::operation(
    "workload.step",
    Shape::Below { count: 8 },
    "what is appended next: an example, an order to fail, a bad payload, or a pause and its end",
);
static FAILURES: Site = Site::operation(
    "workload.failures",
    Shape::Below { count: 8 },
    "how often a processor that is told to fail does so",
);
static LONG_WAIT: Site = Site::operation(
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

#[derive(Serialize, Deserialize)]
struct Step {
    after_ms: u64,
    does: Does,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    Subscribe {
        processor: Processor,
    },
    Example {
        number: u64,
    },
    /// The faltering one is told to fail.
    Order {
        number: u64,
        failing: Failing,
    },
    /// A payload that the echo's schema refuses.
    BadExample {
        number: u64,
    },
    /// An example, and a pause while it is being echoed.
    Pause {
        number: u64,
        pause_ms: u64,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Processor {
    Faltering,
    Echo,
    Breaker,
}

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
            for Step { after_ms, does } in world.operations("somebody", steps) {
                world.sleep(after_ms).await;
                perform(&world, &stream, does).await;
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

/// Three subscribers, and then what they make of it.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let step = |after_ms, does| Step { after_ms, does };
    let mut steps = vec![
        step(
            0,
            Does::Subscribe {
                processor: Processor::Faltering,
            },
        ),
        step(
            0,
            Does::Subscribe {
                processor: Processor::Echo,
            },
        ),
        step(
            0,
            Does::Subscribe {
                processor: Processor::Breaker,
            },
        ),
    ];
    let mut after_ms = 0;
    for number in 0..STEPS {
        steps.push(step(after_ms, drawn(draws, number)));
        after_ms = wait_ms(draws, "steps");
        if number % 3 == 2 {
            after_ms += draws.draw(&LONG_WAIT, "steps");
        }
    }
    steps
}

fn drawn(draws: &Draws<'_>, number: u64) -> Does {
    let times = draws.draw(&FAILURES, "faltering");
    let order = |failing| Does::Order { number, failing };
    match draws.draw(&STEP, "steps") {
        0..=2 => Does::Example { number },
        3 => order(Failing::ByItself(times)),
        4 => order(Failing::Transiently(times)),
        5 => order(Failing::AtConnections),
        6 => Does::BadExample { number },
        _ => Does::Pause {
            number,
            pause_ms: wait_ms(draws, "pause"),
        },
    }
}

async fn perform(world: &Arc<World>, stream: &StreamName, does: Does) {
    let event = match does {
        Does::Subscribe { processor } => processor.subscription(stream),
        Does::Example { number } => example(number),
        Does::Order { number, failing } => ordered(number, failing),
        Does::BadExample { number } => EventInput::new(EXAMPLE, json!({ "message": number }))
            .keyed(format!("workload/bad-{number}")),
        Does::Pause { number, pause_ms } => return pause(world, stream, number, pause_ms).await,
    };
    append(world, stream, vec![event]).await;
}

impl Processor {
    fn subscription(self, stream: &StreamName) -> EventInput {
        match self {
            Processor::Faltering => subscription(faltering::BINDING, stream, faltering::SLUG),
            Processor::Echo => echo_subscription(stream),
            Processor::Breaker => platform::breaker_subscription(stream),
        }
    }
}

/// Pauses the stream while an example is being echoed.
async fn pause(world: &Arc<World>, stream: &StreamName, number: u64, pause_ms: u64) {
    let change =
        |kind, name| EventInput::new(kind, json!({})).keyed(format!("workload/{name}-{number}"));
    let example = append(world, stream, vec![example(number)]);
    let paused = append(world, stream, vec![change(PAUSED, "paused")]);
    futures_util::future::join(example, paused).await;
    world.sleep(pause_ms).await;
    append(world, stream, vec![change(RESUMED, "resumed")]).await;
}
