//! Pauses with an echo at work: what it wants to append is refused until somebody resumes the stream,
//! and the end of the pause is the last event that there is. Nobody gives up, nobody is told that
//! the echo has heard what it has not (B-17), and every example is echoed in the end.

use super::platform::{self, append, echo_subscription, example, judged_by, stream, wait_ms};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join, BoxFuture};
use processors::echo::contract::{Echoed, ECHOED};
use runtime::{
    event::{Event, EventInput, Offset, StreamName},
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
use std::sync::Arc;

pub struct Paused;

static PAUSES: Site = Site::operation(
    "workload.pauses",
    Shape::Below { count: 3 },
    "how often more than once the stream is paused",
);
static TOGETHER: Site = Site::operation(
    "workload.paused-together",
    Shape::Below { count: 2 },
    "whether an example and a pause are appended one after the other, or as one batch",
);
static PAUSE: Site = Site::operation(
    "workload.pause-ms",
    Shape::Below { count: 60_000 },
    "how long the stream is paused",
);
static ASKS: Site = Site::operation(
    "workload.asks-in-pause",
    Shape::Below { count: 2 },
    "whether somebody waits for the echo while the stream is paused",
);

const HELD_BACK: Goal = Goal {
    name: "held-back",
    about: "an example came before a pause, and its echo after it",
};
const LAST_WORD: Goal = Goal {
    name: "end-of-pause-last",
    about:
        "after the last pause there was nothing but echoes, and an example of before was among them",
};
const IN_VAIN: Goal = Goal {
    name: "waited-in-vain",
    about: "who waited for the echo was told that it did not get there",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Subscribe,
    Example {
        after_ms: u64,
        number: u64,
    },
    /// An example and a pause, as one batch or one after the other.
    Pause {
        number: u64,
        at_once: bool,
    },
    WaitForEcho,
    Resume {
        after_ms: u64,
        number: u64,
    },
}

impl Scenario for Paused {
    fn name(&self) -> &'static str {
        "streams-paused"
    }

    fn about(&self) -> &'static str {
        "a stream is paused while a processor is at work, and resumed without another word"
    }

    fn goals(&self) -> &'static [Goal] {
        &[HELD_BACK, LAST_WORD, IN_VAIN, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/paused");
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Subscribe => {
                        append(&world, &stream, vec![echo_subscription(&stream)]).await;
                    }
                    Step::Example { after_ms, number } => {
                        world.sleep(after_ms).await;
                        append(&world, &stream, vec![example(number)]).await;
                    }
                    Step::Pause { number, at_once } => {
                        pause(&world, &stream, number, at_once).await;
                    }
                    Step::WaitForEcho => platform::wait_for_echo(&world, &stream).await,
                    Step::Resume { after_ms, number } => {
                        world.sleep(after_ms).await;
                        let resumed = change(RESUMED, "resumed", number);
                        append(&world, &stream, vec![resumed]).await;
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes, CatchUps, Pauses]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.log(&stream("/paused"));
        let echoes: Vec<(Offset, Offset)> = all(log, ECHOED)
            .filter_map(|event| Some((event.payload::<Echoed>().ok()?.of, event.offset)))
            .collect();
        let is_across = |pause: &Event| {
            let mut echoes = echoes.iter();
            echoes.any(|(of, at)| *of < pause.offset && pause.offset < *at)
        };
        names([
            (HELD_BACK, all(log, PAUSED).any(|pause| is_across(pause))),
            (
                LAST_WORD,
                all(log, RESUMED)
                    .next_back()
                    .is_some_and(|end| is_across(end)),
            ),
            (
                IN_VAIN,
                evidence.observed("waited-in-vain").next().is_some(),
            ),
            crashed(evidence),
        ])
    }
}

fn change(kind: runtime::event::EventType, name: &str, number: u64) -> EventInput {
    EventInput::new(kind, json!({})).keyed(format!("workload/{name}-{number}"))
}

fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let mut steps = vec![Step::Subscribe];
    let mut after_ms = 0;
    for number in 0..=draws.draw(&PAUSES, "stream") {
        steps.push(Step::Example {
            after_ms,
            number: 2 * number,
        });
        let at_once = draws.draw(&TOGETHER, "stream") == 1;
        steps.push(Step::Pause { number, at_once });
        if draws.draw(&ASKS, "somebody") == 1 {
            steps.push(Step::WaitForEcho);
        }
        let pause_ms = draws.draw(&PAUSE, "stream");
        steps.push(Step::Resume {
            after_ms: pause_ms,
            number,
        });
        after_ms = wait_ms(draws, "between");
    }
    steps
}

/// Pauses the stream while an example is being echoed, or, at once, before that can begin.
async fn pause(world: &Arc<World>, stream: &StreamName, number: u64, at_once: bool) {
    let (example, paused) = (example(2 * number + 1), change(PAUSED, "paused", number));
    if at_once {
        append(world, stream, vec![example, paused]).await;
        return;
    }
    let example = append(world, stream, vec![example]);
    let paused = append(world, stream, vec![paused]);
    join(example, paused).await;
}
