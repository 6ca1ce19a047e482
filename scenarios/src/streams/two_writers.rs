//! Two writers configure one key, each with a target of its own, by turns that nobody arranges. The
//! last one wins: its target gets everything from there on, the other one nothing (spec §1.8; B-16). A
//! third one tries to write to the stream's state itself, and may not (B-23).

use super::platform::{self, append, draw, example, judged_by, stream, wait, SECOND_ECHO};
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
use serde_json::json;
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct TwoWriters;

static TURNS: Site = Site::draw(
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
            let examples = async {
                for number in 0..6 {
                    wait(&world, "examples").await;
                    append(&world, &stream, vec![example(number)]).await;
                }
            };
            join3(
                writer(&world, &stream, echo::object::BINDING),
                writer(&world, &stream, SECOND_ECHO),
                examples,
            )
            .await;
            platform::intrude(&world, &stream).await;
            world.sleep(SETTLED_MS).await;
            let late = append(&world, &stream, vec![example(10)]).await;
            world.observe(
                "settled",
                json!({ "stream": stream.to_string(), "offset": late }),
            );
            append(&world, &stream, vec![example(11)]).await;
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

async fn writer(world: &Arc<World>, stream: &StreamName, binding: &str) {
    for turn in 0..=draw(world, &TURNS, binding) {
        wait(world, binding).await;
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
