//! Processors attach to a stream with a long past: they fold it, and act only on what comes after.
//! Live events race with the attachment; a subscription may be configured a second time, which does
//! not move the anchor (B-43).

use super::platform::{
    self, append, echo_subscription, example, judged_by, noted, stream, wait_ms, Listener,
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::{join_all, BoxFuture};
use processors::echo::{self, contract::ECHOED};
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    quirk::{Quirk, Quirks},
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct LongPast;

static PAST: Site = Site::operation(
    "workload.past-events",
    Shape::Below { count: 251 },
    "how many events are in the stream before anybody subscribes",
);
static RACE: Site = Site::operation(
    "workload.racing-events",
    Shape::Below { count: 6 },
    "how many examples are appended while the processors attach",
);
static LIVE: Site = Site::operation(
    "workload.live-events",
    Shape::Below { count: 6 },
    "how many examples come after that",
);
static BREAKER_FIRST: Site = Site::operation(
    "workload.breaker-first",
    Shape::Below { count: 2 },
    "whether the breaker is subscribed before the echo",
);
static AGAIN: Site = Site::operation(
    "workload.configured-again",
    Shape::Below { count: 2 },
    "whether the echo's subscription is configured a second time",
);

const LONG: Goal = Goal {
    name: "past-of-several-batches",
    about: "the echo attached behind more events than a batch holds",
};
const RACED: Goal = Goal {
    name: "raced",
    about: "an example came between the two subscriptions",
};
const ECHO_HEARD: Goal = Goal {
    name: "echoed",
    about: "an example above the anchor was echoed",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Past {
        count: u64,
    },
    /// While the processors attach.
    Race {
        after_ms: u64,
        number: u64,
    },
    Subscribe(Subscribe),
    SubscribeAgain,
    Example {
        number: u64,
        pause_ms: u64,
    },
    Note {
        number: u64,
    },
    WaitForEcho,
}

#[derive(Serialize, Deserialize)]
struct Subscribe {
    listener: Listener,
    /// What happens afterwards.
    pause_ms: u64,
}

impl Scenario for LongPast {
    fn name(&self) -> &'static str {
        "streams-long-past"
    }

    fn about(&self) -> &'static str {
        "processors attach to a stream with a long past, and nothing of it fires again"
    }

    fn goals(&self) -> &'static [Goal] {
        &[LONG, RACED, ECHO_HEARD, CRASHED]
    }

    /// Streams that never dial again who was lost.
    fn old_revision(&self) -> Quirks {
        Quirks::NONE.with(Quirk::B15)
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/past");
            let (mut racing, mut subscribers, mut later) = (Vec::new(), Vec::new(), Vec::new());
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Past { count } => past(&world, &stream, count).await,
                    Step::Race { after_ms, number } => racing.push((after_ms, number)),
                    Step::Subscribe(subscribe) => subscribers.push(subscribe),
                    step => later.push(step),
                }
            }
            let race = join_all(racing.into_iter().map(|(after_ms, number)| {
                let (world, stream) = (world.clone(), stream.clone());
                async move {
                    world.sleep(after_ms).await;
                    append(&world, &stream, vec![example(number)]).await
                }
            }));
            let attach = async {
                for Subscribe { listener, pause_ms } in subscribers {
                    append(&world, &stream, vec![listener.subscription(&stream)]).await;
                    world.sleep(pause_ms).await;
                }
            };
            futures_util::future::join(race, attach).await;
            for step in later {
                perform(&world, &stream, step).await;
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes, Breakers, CatchUps]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.logs.get(&stream("/past"));
        let echoes = log.map_or(0, |log| count(log, &ECHOED));
        let anchor = |processor| {
            let mut anchors = evidence.anchors.iter();
            let anchor = anchors.find(|anchor| anchor.processor == processor);
            anchor.map_or(0, |anchor| anchor.offset.0)
        };
        let anchors = (anchor(echo::contract::SLUG), anchor("circuit-breaker"));
        names([
            (LONG, anchors.0 > 100),
            (RACED, anchors.0.abs_diff(anchors.1) > 2),
            (ECHO_HEARD, echoes > 0),
            crashed(evidence),
        ])
    }
}

/// The past; two subscribers, and examples that race with them; and what is live.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let past = draws.draw(&PAST, "past");
    let racing = past..past + draws.draw(&RACE, "race");
    let mut steps = vec![Step::Past { count: past }];
    steps.extend(racing.clone().map(|number| Step::Race {
        after_ms: wait_ms(draws, &format!("race {number}")),
        number,
    }));
    let mut both = [Listener::Echo, Listener::Breaker];
    if draws.draw(&BREAKER_FIRST, "attach") == 1 {
        both.reverse();
    }
    steps.extend(both.map(|listener| {
        let pause_ms = wait_ms(draws, "attach");
        Step::Subscribe(Subscribe { listener, pause_ms })
    }));
    if draws.draw(&AGAIN, "attach") == 1 {
        steps.push(Step::SubscribeAgain);
    }
    let live = racing.end..racing.end + draws.draw(&LIVE, "live");
    steps.extend(live.map(|number| Step::Example {
        number,
        pause_ms: wait_ms(draws, "live"),
    }));
    steps.push(Step::Note { number: past + 100 });
    steps.push(Step::WaitForEcho);
    steps
}

async fn past(world: &Arc<World>, stream: &StreamName, count: u64) {
    let events: Vec<EventInput> = (0..count).map(event).collect();
    for part in events.chunks(100) {
        append(world, stream, part.to_vec()).await;
    }
}

/// One of the steps that come when everybody has attached.
async fn perform(world: &Arc<World>, stream: &StreamName, step: Step) {
    match step {
        Step::SubscribeAgain => {
            let again = echo_subscription(stream).keyed("workload/again");
            append(world, stream, vec![again]).await;
        }
        Step::Example { number, pause_ms } => {
            append(world, stream, vec![example(number)]).await;
            world.sleep(pause_ms).await;
        }
        Step::Note { number } => {
            append(world, stream, vec![noted(number)]).await;
        }
        Step::WaitForEcho => platform::wait_for_echo(world, stream).await,
        Step::Past { .. } | Step::Race { .. } | Step::Subscribe(_) => {
            unreachable!("done before")
        }
    }
}

/// Every third event of the past is an example.
fn event(number: u64) -> EventInput {
    match number % 3 {
        0 => example(number),
        _ => noted(number),
    }
}
