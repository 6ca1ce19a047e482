//! What the stream scenarios share: the classes of objects, the reducers, the oracles, what clients
//! append, and how they do it.

use super::faltering;
use crate::properties::{CatchUps, WaitedFor};
use processors::{
    circuit_breaker::{self, CircuitBreaker},
    echo::{
        self,
        contract::{Example, EXAMPLE},
        EchoProcessor,
    },
    hosting,
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, EventType, Offset, StreamName, StreamPath},
    object::Class,
    processor::{CatchUp, Fold},
    stream::{self, Events},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use sim::{
    choice::{Shape, Site},
    world::{Draws, World},
};
use std::{future::Future, sync::Arc};

/// The namespace of a second echo of the same stream.
pub const SECOND_ECHO: &str = "SECOND_ECHO";

pub static CLASSES: [Class; 5] = [
    stream::CLASS,
    echo::object::CLASS,
    Class {
        binding: SECOND_ECHO,
        construct: echo::object::CLASS.construct,
    },
    circuit_breaker::object::CLASS,
    faltering::CLASS,
];

pub static FOLDS: [Fold; 3] = [
    Fold::of::<EchoProcessor>(),
    Fold::of::<CircuitBreaker>(),
    Fold::of::<faltering::Faltering>(),
];

/// The oracles of a scenario: those to which every stream gives something to judge, and its own in
/// their midst. Safety first; of liveness, a deadlock before who owes what, and that before whether
/// the world came to rest.
macro_rules! judged_by {
    ($($own:ident),+) => {{
        use $crate::properties::*;
        use sim::oracles::*;
        static ORACLES: &[&dyn Oracle] = &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &Subscriptions,
            &Deadlocks,
            $(&$own,)+
            &Presence,
            &Recoveries,
            &StateIsFold,
            &LogIsKept,
            &Announcements,
            &Connections,
            &Quiesces,
        ];
        ORACLES
    }};
}
pub(crate) use judged_by;

/// An event that only a wildcard takes.
pub const NOTED: EventType = EventType::of("events.iterate.com/workload/noted");

pub static WAIT: Site = Site::operation(
    "workload.wait-ms",
    Shape::Below { count: 200 },
    "how long somebody waits before the next step",
);

pub fn stream(path: &str) -> StreamName {
    StreamName::new("p1", StreamPath::parse(path).expect("a path"))
}

/// How long somebody waits before the next step.
pub fn wait_ms(draws: &Draws<'_>, subject: &str) -> u64 {
    1 + draws.draw(&WAIT, subject)
}

/// Who may be subscribed to a stream.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listener {
    Echo,
    Breaker,
}

impl Listener {
    pub fn subscription(self, stream: &StreamName) -> EventInput {
        match self {
            Listener::Echo => echo_subscription(stream),
            Listener::Breaker => breaker_subscription(stream),
        }
    }
}

/// An echo of the stream, under the key of its processor.
pub fn echo_subscription(stream: &StreamName) -> EventInput {
    subscription(echo::object::BINDING, stream, echo::contract::SLUG)
}

pub fn breaker_subscription(stream: &StreamName) -> EventInput {
    let slug = circuit_breaker::contract::SLUG;
    subscription(circuit_breaker::object::BINDING, stream, slug)
}

pub fn subscription(binding: &str, stream: &StreamName, processor: &str) -> EventInput {
    let key = format!("workload/subscription:{processor}");
    hosting::subscription(binding, stream, processor, processor.to_owned(), key)
}

pub fn example(number: u64) -> EventInput {
    let message = format!("number {number}");
    EventInput::new(EXAMPLE, Example { message }).keyed(format!("workload/example-{number}"))
}

pub fn noted(number: u64) -> EventInput {
    EventInput::new(NOTED, json!({ "number": number })).keyed(format!("workload/noted-{number}"))
}

/// Appends keyed events, as a client who takes a refusal for an answer and keeps the answer as
/// evidence. Begins at once; gives the offset of the last event, if they were taken.
pub fn append(
    world: &Arc<World>,
    stream: &StreamName,
    events: Vec<EventInput>,
) -> impl Future<Output = Option<Offset>> + Send + 'static {
    let keys: Vec<Value> = events
        .iter()
        .map(|event| json!(event.idempotency_key))
        .collect();
    let asked_ms = sim::time::since_start_ms();
    let answer = world.try_append(stream.clone(), events);
    let (world, stream) = (world.clone(), stream.to_string());
    async move {
        match answer.await {
            Ok(events) => {
                let taken = taken(&keys, &events);
                world.observe("acknowledged", json!({ "stream": stream, "events": taken }));
                events.last().map(|event| event.offset)
            }
            Err(refusal) => {
                let answered_ms = sim::time::since_start_ms();
                let code = refusal.error.code().unwrap_or("unresolved");
                let refusal = json!({
                    "stream": stream, "keys": keys, "code": code, "askedMs": asked_ms,
                    "answeredMs": answered_ms, "lostBeforeMs": refusal.lost_before_ms,
                });
                world.observe("refused", refusal);
                None
            }
        }
    }
}

/// Pairs of key and offset.
fn taken(keys: &[Value], events: &Events) -> Vec<Value> {
    let offsets = events.iter().map(|event| event.offset);
    let pairs = keys.iter().zip(offsets);
    pairs.map(|(key, offset)| json!([key, offset])).collect()
}

/// Whether a stream is paused, as a client sees it.
pub async fn is_paused(world: &World, stream: &StreamName) -> bool {
    let state = ask(world, stream, "runtimeState").await;
    state["coreProcessorState"]["paused"] == json!(true)
}

/// The answer to a method without arguments; asked again while the way there fails.
async fn ask(world: &World, stream: &StreamName, method: &'static str) -> Value {
    let name = stream.clone();
    let answer = world.client(move |context| {
        Box::pin(async move {
            let stub = context.object(stream::BINDING, name);
            loop {
                match stub.call(method, Default::default()).await {
                    Ok(answer) => return answer.to_json().unwrap_or_default(),
                    Err(error) => retry(&context, error).await,
                }
            }
        })
    });
    answer.await
}

/// Waits, as a client, until the echo of a stream has heard everything so far.
pub async fn wait_for_echo(world: &Arc<World>, stream: &StreamName) {
    let name = stream.clone();
    let answer = world.client(move |context| {
        Box::pin(async move {
            let echo = context.object(echo::object::BINDING, name);
            echo.call(echo::object::CATCH_UP, Arguments::new()).await
        })
    });
    // Where the way there is cut, nobody waits.
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(error) => {
            if error.code() == Some(CatchUp::TIMED_OUT) {
                world.observe("waited-in-vain", json!({ "stream": stream.to_string() }));
            }
            return;
        }
    };
    let caught_up: CatchUp = answer.parse().expect("an echo says how far it came");
    let waited = WaitedFor {
        stream: stream.to_string(),
        processor: echo::contract::SLUG.to_owned(),
        target: caught_up.target,
        reached: caught_up.reached,
    };
    world.observe(CatchUps::OBSERVED, json!(waited));
}

/// Somebody who has no business there puts a core state of his own in the place of a stream's (B-23).
pub async fn intrude(world: &Arc<World>, stream: &StreamName) {
    let mut forged = ask(world, stream, "runtimeState").await["coreProcessorState"].take();
    forged["metadata"] = json!({ "forged": true });
    let name = stream.clone();
    let answer = world.client(move |context| {
        Box::pin(async move {
            let stub = context.object(stream::BINDING, name);
            let arguments = Arguments::new().json("coreProcessorState", forged);
            stub.call("setCoreProcessorState", arguments).await
        })
    });
    let is_refused = answer.await.is_err();
    world.observe("intruder-refused", json!(is_refused));
}

/// Waits before a client tries again.
///
/// # Panics
/// The stream refuses: no later try would change that.
pub async fn retry(context: &runtime::object::Context, error: CallError) {
    assert!(error.is_transient(), "a stream refuses: {error}");
    context.sleep("try again", 500).await;
}
