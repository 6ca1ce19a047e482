//! Logs of the platform's first days: subscribers of shapes that are no longer dialed, beside
//! callable ones, in any order, under the same key and under others; and a processor that registered
//! itself. Who is callable is served, the others never dialed (spec §1.8; B-04, B-13).

use super::platform::{self, append, echo_subscription, example, judged_by, stream, wait_ms};
use crate::readings::{all, crashed, names, CRASHED};
use futures_util::future::{join_all, BoxFuture};
use processors::echo::contract::ECHOED;
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::contract::{PROCESSOR_REGISTERED, SUBSCRIPTION_CONFIGURED},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Legacy;

const STREAMS: [&str; 3] = ["/old/a", "/old/b", "/old/c"];

static NEXT: Site = Site::operation(
    "workload.next-event",
    Shape::Below { count: 8 },
    "which of the events that are left is appended next",
);
static CALLABLE: Site = Site::operation(
    "workload.callable",
    Shape::Below { count: 4 },
    "whether a stream has a callable subscriber beside the legacy ones: three of four have",
);

const OVERTAKEN: Goal = Goal {
    name: "legacy-last",
    about: "a legacy shape came after a callable subscriber of the same key, who was served",
};
const REPLACED: Goal = Goal {
    name: "legacy-first",
    about: "a callable subscriber came after a legacy shape of the same key, and was served",
};
const ONLY_LEGACY: Goal = Goal {
    name: "only-legacy",
    about: "a stream had nothing but legacy subscribers",
};

#[derive(Serialize, Deserialize)]
struct Append {
    what: What,
    /// What the writer does afterwards.
    pause_ms: u64,
}

/// What old streams are full of: subscribers of several shapes, and more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    BuiltIn,
    ExternalUrl,
    Relic,
    Callable,
    Registered,
    Example { number: u64 },
}

impl Scenario for Legacy {
    fn name(&self) -> &'static str {
        "streams-legacy"
    }

    fn about(&self) -> &'static str {
        "legacy subscribers beside callable ones, in any order: those are served, these never dialed"
    }

    fn goals(&self) -> &'static [Goal] {
        &[OVERTAKEN, REPLACED, ONLY_LEGACY, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let streams = STREAMS.iter().map(|path| old_stream(&world, stream(path)));
            join_all(streams).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let mut reached = [false; 3];
        for path in STREAMS {
            let log = evidence.log(&stream(path));
            let of_echo = all(log, SUBSCRIPTION_CONFIGURED)
                .filter_map(|event| event.payload.as_deref())
                .filter(|payload| payload["subscriptionKey"] == "echo");
            let shapes: Vec<bool> = of_echo
                .map(|payload| payload["subscriber"]["type"] == "callable")
                .collect();
            let is_served = all(log, ECHOED).next().is_some();
            reached[0] |= is_served && shapes.last() == Some(&false);
            reached[1] |= is_served && shapes.first() == Some(&false);
            reached[2] |= !shapes.contains(&true) && shapes.contains(&false);
        }
        let [overtaken, replaced, only_legacy] = reached;
        names([
            (OVERTAKEN, overtaken),
            (REPLACED, replaced),
            (ONLY_LEGACY, only_legacy),
            crashed(evidence),
        ])
    }
}

/// Appends everything that a stream gets, in an order of its own, and then an example.
async fn old_stream(world: &Arc<World>, stream: StreamName) {
    let subject = stream.to_string();
    for Append { what, pause_ms } in world.operations(subject.as_str(), |d| appends(d, &subject)) {
        append(world, &stream, vec![what.event(&stream)]).await;
        world.sleep(pause_ms).await;
    }
}

fn appends(draws: &Draws<'_>, subject: &str) -> Vec<Append> {
    let mut left = vec![
        What::BuiltIn,
        What::ExternalUrl,
        What::Relic,
        What::Registered,
        What::Example { number: 1 },
    ];
    if draws.draw(&CALLABLE, subject) > 0 {
        left.push(What::Callable);
    }
    let mut appends = Vec::new();
    while !left.is_empty() {
        let next = draws.draw(&NEXT, subject) as usize % left.len();
        appends.push(Append {
            what: left.remove(next),
            pause_ms: wait_ms(draws, subject),
        });
    }
    appends.push(Append {
        what: What::Example { number: 2 },
        pause_ms: 0,
    });
    appends
}

impl What {
    fn event(self, stream: &StreamName) -> EventInput {
        match self {
            What::BuiltIn => configured("echo", built_in("workers-rpc")),
            What::ExternalUrl => configured("echo", external_url()),
            What::Relic => configured("relic", built_in("capnweb-websocket")),
            What::Callable => echo_subscription(stream),
            What::Registered => registered(),
            What::Example { number } => example(number),
        }
    }
}

fn configured(subscription_key: &str, subscriber: Value) -> EventInput {
    let key = format!("workload/{subscription_key}:{}", subscriber["type"]);
    let payload = json!({ "subscriptionKey": subscription_key, "subscriber": subscriber });
    EventInput::new(SUBSCRIPTION_CONFIGURED, payload).keyed(key)
}

fn built_in(transport: &str) -> Value {
    json!({ "type": "built-in", "transport": transport, "processorSlug": "echo" })
}

fn external_url() -> Value {
    let url = "wss://relic.example/stream";
    json!({
        "type": "external-url", "transport": "capnweb-websocket", "url": url,
        "headers": { "x-relic": "1" },
    })
}

/// What a host of the first days said of itself.
fn registered() -> EventInput {
    let announcement = json!({
        "slug": "relic", "version": "0", "description": "", "consumes": ["*"], "emits": [],
        "ownedEvents": [{ "type": "relic/found", "examples": [1] }],
    });
    EventInput::new(PROCESSOR_REGISTERED, announcement).keyed("processor-registered:relic:0")
}
