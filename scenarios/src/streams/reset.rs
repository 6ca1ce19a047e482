//! A stream is reset, and another log grows under its name, past where its subscribers had come in the
//! old one, while they are connected or not (B-35). What they hold in the end is the fold of the
//! present log, and nothing of the old one is heard in it.

use super::platform::{self, judged_by, noted, retry, stream, wait_ms};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join, BoxFuture};
use processors::echo::contract::{Example, ECHOED, EXAMPLE};
use runtime::{
    call::Arguments,
    event::{EventInput, StreamName},
    object::{Class, Context},
    processor::Fold,
    stream::{self, StreamClient},
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Reset;

static LIVES: Site = Site::operation(
    "workload.resets",
    Shape::Below { count: 2 },
    "how often the stream is reset, beside the first time",
);
static LENGTH: Site = Site::operation(
    "workload.log-length",
    Shape::Below { count: 12 },
    "how many examples a log gets",
);
static PADDING: Site = Site::operation(
    "workload.log-padding",
    Shape::Below { count: 30 },
    "how many events of no interest a log begins with",
);
static SUBSCRIBED_LATE: Site = Site::operation(
    "workload.subscribed-late",
    Shape::Below { count: 2 },
    "whether the subscribers are configured when the log has grown",
);
static RACES: Site = Site::operation(
    "workload.reset-races",
    Shape::Below { count: 2 },
    "whether an example is appended at the moment of the reset",
);

static RACE_AFTER: Site = Site::operation(
    "workload.reset-race-ms",
    Shape::Below { count: 12 },
    "how long after the reset was asked for that example is appended",
);

const OUTGROWN: Goal = Goal {
    name: "outgrown",
    about: "the present log is longer than an old checkpoint, and was echoed",
};
const SHORTER: Goal = Goal {
    name: "shorter",
    about: "the present log is shorter than the old one had been",
};
const RACED: Goal = Goal {
    name: "raced",
    about: "what was appended at the moment of a reset came into the new log",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Subscribe,
    /// Events of no interest.
    Padding {
        count: u64,
    },
    Say {
        life: u64,
        number: u64,
        /// What happens afterwards.
        pause_ms: u64,
    },
    Reset {
        after_ms: u64,
        /// The one that begins.
        life: u64,
        /// An example is appended so long after the reset was asked for.
        race_after_ms: Option<u64>,
    },
}

impl Scenario for Reset {
    fn name(&self) -> &'static str {
        "streams-reset"
    }

    fn about(&self) -> &'static str {
        "a stream is reset and grows anew; its subscribers end with the fold of the present log"
    }

    fn goals(&self) -> &'static [Goal] {
        &[OUTGROWN, SHORTER, RACED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/phoenix");
            for step in world.operations("phoenix", steps) {
                perform(&world, &stream, step).await;
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Echoes, Breakers]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let log = evidence.log(&stream("/phoenix"));
        let length = log.len() as u64;
        let commits = evidence.commits.iter();
        let of_stream = commits.filter(|commit| &*commit.stream.name == "p1:/phoenix");
        let longest = of_stream.map(|commit| commit.last).max().unwrap_or(0);
        let raced = all(log, EXAMPLE).any(|event| {
            let example = event.payload::<Example>();
            example.is_ok_and(|example| example.message.ends_with("number 1000"))
        });
        let is_echoed = all(log, ECHOED).next().is_some();
        names([
            (OUTGROWN, is_echoed && length >= longest),
            (SHORTER, length < longest),
            (RACED, raced),
            crashed(evidence),
        ])
    }
}

/// A log, and one or two more that follow it.
fn steps(draws: &Draws<'_>) -> Vec<Step> {
    let mut steps = grow(draws, 0);
    for life in 1..=1 + draws.draw(&LIVES, "phoenix") {
        let after_ms = wait_ms(draws, "phoenix");
        let races = draws.draw(&RACES, "phoenix") == 1;
        steps.push(Step::Reset {
            after_ms,
            life,
            race_after_ms: races.then(|| 1 + draws.draw(&RACE_AFTER, "phoenix")),
        });
        steps.extend(grow(draws, life));
    }
    steps
}

/// What one life of the stream gets.
fn grow(draws: &Draws<'_>, life: u64) -> Vec<Step> {
    let subject = format!("life {life}");
    let say = |number, pause_ms| Step::Say {
        life,
        number,
        pause_ms,
    };
    let padding = Step::Padding {
        count: draws.draw(&PADDING, subject.as_str()),
    };
    let length = draws.draw(&LENGTH, subject.as_str());
    let said = (0..length).map(|number| say(number, wait_ms(draws, &subject)));
    let log = [padding].into_iter().chain(said);
    let mut steps = match draws.draw(&SUBSCRIBED_LATE, subject.as_str()) {
        0 => [Step::Subscribe].into_iter().chain(log).collect(),
        _ => log.chain([Step::Subscribe]).collect::<Vec<_>>(),
    };
    steps.push(say(100, 0));
    steps
}

async fn perform(world: &Arc<World>, stream: &StreamName, step: Step) {
    match step {
        Step::Subscribe => subscribe(world, stream).await,
        Step::Padding { count } => {
            let padding = (0..count).map(noted).collect();
            world.append(stream.clone(), padding).await;
        }
        Step::Say {
            life,
            number,
            pause_ms,
        } => {
            world.append(stream.clone(), vec![said(life, number)]).await;
            world.sleep(pause_ms).await;
        }
        Step::Reset {
            after_ms,
            life,
            race_after_ms,
        } => {
            world.sleep(after_ms).await;
            let race = async {
                if let Some(after_ms) = race_after_ms {
                    world.sleep(after_ms).await;
                    world.append(stream.clone(), vec![said(life, 1_000)]).await;
                }
            };
            join(reset(world, stream), race).await;
        }
    }
}

async fn subscribe(world: &World, stream: &StreamName) {
    let both = vec![
        platform::echo_subscription(stream),
        platform::breaker_subscription(stream),
    ];
    world.append(stream.clone(), both).await;
}

fn said(life: u64, number: u64) -> EventInput {
    let message = format!("life {life} number {number}");
    EventInput::new(EXAMPLE, Example { message }).keyed(format!("workload/{life}-{number}"))
}

/// Resets a stream. It does not answer that; so until its log is another one.
async fn reset(world: &World, stream: &StreamName) {
    let name = stream.clone();
    let reset = world.client(move |context| {
        Box::pin(async move {
            let stub = context.object(stream::BINDING, &name);
            let before = log_created_at(&context, &name).await;
            while log_created_at(&context, &name).await == before {
                // Whether it was heard shows in the log.
                let _ = stub.call("reset", Arguments::new()).await;
            }
        })
    });
    reset.await;
}

async fn log_created_at(context: &Context, stream: &StreamName) -> Arc<str> {
    let client = StreamClient::named(context, stream);
    loop {
        match client.log_created_at().await {
            Ok(created_at) => return created_at,
            Err(error) => retry(context, error).await,
        }
    }
}
