//! Nothing happens for five minutes, and a stream lets go of its subscribers; appends come around the
//! moment at which it does (spec §1.12; B-38). Everything is delivered once and in order, by the old
//! connection or by the next.

use super::platform::{self, append, example, judged_by, stream, wait_ms, Listener};
use crate::readings::{all, count, crashed, names, CRASHED};
use futures_util::future::BoxFuture;
use processors::echo::contract::ECHOED;
use runtime::{
    event::Event,
    object::Class,
    processor::Fold,
    quirk::{Quirk, Quirks},
    stream::contract::{
        DisconnectReason, SubscriberConnected, SubscriberDisconnected, SUBSCRIBER_CONNECTED,
        SUBSCRIBER_DISCONNECTED,
    },
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Idle;

/// A little before a stream on which nothing happened lets go.
const ALMOST_IDLE_MS: u64 = 299_960;

static MARGIN: Site = Site::operation(
    "workload.margin-ms",
    Shape::Below { count: 80 },
    "how long around the idle timer's end the next append comes",
);
static LATE: Site = Site::operation(
    "workload.late-ms",
    Shape::Below { count: 4_000 },
    "how much later it comes, every second time",
);
static ROUNDS: Site = Site::operation(
    "workload.rounds",
    Shape::Below { count: 3 },
    "how many quiet times there are beside the first",
);
static APPENDS: Site = Site::operation(
    "workload.racing-appends",
    Shape::Below { count: 4 },
    "how many appends more than one come together",
);

const LET_GO: Goal = Goal {
    name: "let-go",
    about: "a stream let go of a subscriber on which nothing happened",
};
const DIALED_AGAIN: Goal = Goal {
    name: "dialed-again",
    about: "a subscriber that had been let go was dialed again, and echoed",
};
const JUST_IN_TIME: Goal = Goal {
    name: "just-in-time",
    about: "an append came so shortly before the timer's end that nobody was let go",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Subscribe(Listener),
    Example { after_ms: u64, number: u64 },
}

impl Scenario for Idle {
    fn name(&self) -> &'static str {
        "streams-idle"
    }

    fn about(&self) -> &'static str {
        "appends race with a stream that lets go of idle subscribers, and all are delivered"
    }

    fn goals(&self) -> &'static [Goal] {
        &[LET_GO, DIALED_AGAIN, JUST_IN_TIME, CRASHED]
    }

    /// Streams that look after no delivery, and leave a failed dial to the next event.
    fn old_revision(&self) -> Quirks {
        Quirks::NONE.with(Quirk::B24).with(Quirk::X7)
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/quiet");
            for step in world.operations("somebody", steps) {
                match step {
                    Step::Subscribe(listener) => {
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
        judged_by![Filter, Appends, Echoes, Breakers]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let Some(log) = evidence.logs.get(&stream("/quiet")) else {
            return names([crashed(evidence)]);
        };
        let mut let_go = all(&log.events, SUBSCRIBER_DISCONNECTED).filter(|event| is_idle(event));
        let first = let_go.next().map(|event| event.offset);
        let dialed = all(&log.events, SUBSCRIBER_CONNECTED)
            .filter(|event| event.payload::<SubscriberConnected>().is_ok())
            .any(|event| first.is_some_and(|first| event.offset > first));
        let echoed = all(&log.events, ECHOED).next_back();
        let echoed_after = echoed.is_some_and(|echo| first.is_some_and(|it| echo.offset > it));
        names([
            (LET_GO, first.is_some()),
            (DIALED_AGAIN, dialed && echoed_after),
            (
                JUST_IN_TIME,
                count(log, &ECHOED) > 1 && first > echoed.map(|echo| echo.offset),
            ),
            crashed(evidence),
        ])
    }
}

/// Quiet times, and after each some examples at once.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let mut steps = vec![
        Step::Subscribe(Listener::Echo),
        Step::Subscribe(Listener::Breaker),
    ];
    let mut number = 0;
    let mut example = |after_ms| {
        number += 1;
        Step::Example {
            after_ms,
            number: number - 1,
        }
    };
    steps.push(example(0));
    let mut rest_ms = 0;
    for round in 0..=draws.draw(&ROUNDS, "quiet") {
        let late_ms = draws.draw(&LATE, "quiet") * (round % 2);
        let margin_ms = draws.draw(&MARGIN, "quiet");
        steps.push(example(rest_ms + ALMOST_IDLE_MS + margin_ms + late_ms));
        for _ in 0..draws.draw(&APPENDS, "quiet") {
            steps.push(example(0));
        }
        rest_ms = wait_ms(draws, "quiet");
    }
    steps
}

fn is_idle(event: &Event) -> bool {
    let disconnected = event.payload::<SubscriberDisconnected>();
    disconnected.is_ok_and(|disconnected| disconnected.reason == DisconnectReason::Idle)
}
