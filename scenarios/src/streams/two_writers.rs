//! Two writers configure one key, each with a target of its own, by turns that nobody arranges. The
//! last one wins: its target gets everything from there on, the other one nothing (spec §1.8; B-16). A
//! third one tries to write to the stream's state itself, and may not (B-23).

use super::platform::{self, append, example, judged_by, stream, wait_ms, SECOND_ECHO};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join3, BoxFuture};
use processors::{
    echo::{self, contract::SLUG},
    hosting,
};
use runtime::{
    call::ObjectName,
    event::{Offset, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct TwoWriters;

static TURNS: Site = Site::operation(
    "workload.turns",
    Shape::Below { count: 4 },
    "how often a writer configures the key, beside the first time",
);

/// After so long nobody is still on the way to a target that lost.
const SETTLED_MS: u64 = 40_000;

const BOTH_SERVED: Goal = Goal {
    name: "both-served",
    about: "each target was connected for a while",
};
const INTERLEAVED: Goal = Goal {
    name: "interleaved",
    about: "each writer had the last word once, until the other one took it",
};

/// A writer configures the key.
#[derive(Serialize, Deserialize)]
struct Turn {
    after_ms: u64,
    turn: u64,
}

#[derive(Serialize, Deserialize)]
struct Said {
    after_ms: u64,
    number: u64,
}

/// What happens when both writers have had their say.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Afterwards {
    Intrude,
    /// From the example on that is appended then, the last word is heard.
    Settle {
        after_ms: u64,
        number: u64,
    },
    Example {
        number: u64,
    },
}

const AFTERWARDS: [Afterwards; 3] = [
    Afterwards::Intrude,
    Afterwards::Settle {
        after_ms: SETTLED_MS,
        number: 10,
    },
    Afterwards::Example { number: 11 },
];

impl Scenario for TwoWriters {
    fn name(&self) -> &'static str {
        "streams-two-writers"
    }

    fn about(&self) -> &'static str {
        "two writers configure one key with different targets; the last one gets everything after"
    }

    fn goals(&self) -> &'static [Goal] {
        &[BOTH_SERVED, INTERLEAVED, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stream = stream("/contested");
            join3(
                writer(&world, &stream, echo::object::BINDING),
                writer(&world, &stream, SECOND_ECHO),
                say(&world, &stream),
            )
            .await;
            for step in world.operations("somebody", |_| Vec::from(AFTERWARDS)) {
                match step {
                    Afterwards::Intrude => platform::intrude(&world, &stream).await,
                    Afterwards::Settle { after_ms, number } => {
                        world.sleep(after_ms).await;
                        let late = append(&world, &stream, vec![example(number)]).await;
                        let settled = json!({ "stream": stream.to_string(), "offset": late });
                        world.observe("settled", settled);
                    }
                    Afterwards::Example { number } => {
                        append(&world, &stream, vec![example(number)]).await;
                    }
                }
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes, LastWord]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let served = |binding| checkpoint(evidence, binding) > Offset::ZERO;
        let words = targets(evidence);
        let turns = words.windows(2).filter(|pair| pair[0] != pair[1]).count();
        names([
            (
                BOTH_SERVED,
                served(echo::object::BINDING) && served(SECOND_ECHO),
            ),
            (INTERLEAVED, turns > 1),
            crashed(evidence),
        ])
    }
}

async fn say(world: &Arc<World>, stream: &StreamName) {
    let examples = world.operations("examples", |draws| {
        let said = |number| Said {
            after_ms: wait_ms(draws, "examples"),
            number,
        };
        (0..6).map(said).collect()
    });
    for Said { after_ms, number } in examples {
        world.sleep(after_ms).await;
        append(world, stream, vec![example(number)]).await;
    }
}

async fn writer(world: &Arc<World>, stream: &StreamName, binding: &'static str) {
    let turns = world.operations(binding, |draws| {
        let turn = |turn| Turn {
            after_ms: wait_ms(draws, binding),
            turn,
        };
        (0..=draws.draw(&TURNS, binding)).map(turn).collect()
    });
    for Turn { after_ms, turn } in turns {
        world.sleep(after_ms).await;
        let key = format!("workload/{binding}-{turn}");
        let event = hosting::subscription(binding, stream, SLUG, SLUG.to_owned(), key);
        append(world, stream, vec![event]).await;
    }
}

/// The bindings that were configured, in order.
fn targets(evidence: &Evidence) -> Vec<String> {
    let pointer = "/subscriber/callable/via/bindingName";
    all(evidence.log(&stream("/contested")), SUBSCRIPTION_CONFIGURED)
        .filter_map(|event| {
            Some(
                event
                    .payload
                    .as_ref()?
                    .pointer(pointer)?
                    .as_str()?
                    .to_owned(),
            )
        })
        .collect()
}

fn checkpoint(evidence: &Evidence, binding: &'static str) -> Offset {
    let object = ObjectName::new(binding, stream("/contested").to_string());
    let stored = evidence.processor(&object, SLUG);
    stored.map_or(Offset::ZERO, |stored| stored.offset)
}
