//! Processors attach to a stream with a long past: they fold it, and act only on what comes after.
//! Live events race with the attachment; a subscription may be configured a second time, which does
//! not move the anchor (B-43).

use super::platform::{
    self, append, draw, echo_subscription, example, judged_by, noted, stream, wait,
};
use crate::readings::{count, crashed, names, CRASHED};
use futures_util::future::{join_all, BoxFuture};
use processors::echo::{self, contract::ECHOED};
use runtime::{
    event::EventInput,
    object::Class,
    processor::Fold,
    quirk::{Quirk, Quirks},
};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct LongPast;

static PAST: Site = Site::draw(
    "workload.past-events",
    Shape::Below { count: 251 },
    "how many events are in the stream before anybody subscribes",
);
static RACE: Site = Site::draw(
    "workload.racing-events",
    Shape::Below { count: 6 },
    "how many examples are appended while the processors attach",
);
static LIVE: Site = Site::draw(
    "workload.live-events",
    Shape::Below { count: 6 },
    "how many examples come after that",
);
static BREAKER_FIRST: Site = Site::draw(
    "workload.breaker-first",
    Shape::Below { count: 2 },
    "whether the breaker is subscribed before the echo",
);
static AGAIN: Site = Site::draw(
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
            let past = draw(&world, &PAST, "past");
            let events: Vec<EventInput> = (0..past).map(event).collect();
            for part in events.chunks(100) {
                append(&world, &stream, part.to_vec()).await;
            }
            let racing = draw(&world, &RACE, "race");
            let race = join_all((past..past + racing).map(|number| {
                let (world, stream) = (world.clone(), stream.clone());
                async move {
                    wait(&world, &format!("race {number}")).await;
                    append(&world, &stream, vec![example(number)]).await
                }
            }));
            let attach = async {
                let mut both = [
                    echo_subscription(&stream),
                    platform::breaker_subscription(&stream),
                ];
                if draw(&world, &BREAKER_FIRST, "attach") == 1 {
                    both.reverse();
                }
                for subscription in both {
                    append(&world, &stream, vec![subscription]).await;
                    wait(&world, "attach").await;
                }
            };
            futures_util::future::join(race, attach).await;
            if draw(&world, &AGAIN, "attach") == 1 {
                let again = echo_subscription(&stream).keyed("workload/again");
                append(&world, &stream, vec![again]).await;
            }
            let live = past + racing..past + racing + draw(&world, &LIVE, "live");
            for number in live {
                append(&world, &stream, vec![example(number)]).await;
                wait(&world, "live").await;
            }
            append(&world, &stream, vec![noted(past + 100)]).await;
            platform::wait_for_echo(&world, &stream).await;
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

/// Every third event of the past is an example.
fn event(number: u64) -> EventInput {
    match number % 3 {
        0 => example(number),
        _ => noted(number),
    }
}
