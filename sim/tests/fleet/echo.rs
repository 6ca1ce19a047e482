//! The echo: a processor, the object that hosts it, and a scenario around it.

use futures_util::future::BoxFuture;
use runtime::{
    call::{Arguments, CallError},
    callable::Callable,
    event::{Event, EventInput, EventType, PayloadError, StreamName},
    object::{unknown_method, Class, Context, Object, Reply},
    processor::{
        Catalogue, Contract, EventDefinition, Fold, Hook, Processor, ProcessorHost, Reduced,
        StreamPort,
    },
    quirk::{Quirk, Quirks},
    stream::{
        self,
        contract::{Subscriber, SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::{
    oracles::{
        Deadlocks, DeliveriesIncrease, Evidence, KeysAreUnique, OffsetsAreDense, Oracle, Quiesces,
        StateIsFold, Violation,
    },
    scenario::Scenario,
    world::World,
};
use std::{
    cell::OnceCell,
    rc::{Rc, Weak},
    sync::Arc,
};

pub const PING: EventType = EventType::of("test/ping");
pub const PONG: EventType = EventType::of("test/pong");

static CATALOGUE: Catalogue = Catalogue {
    owner: "echo",
    events: &[
        EventDefinition::new(PING, "asks"),
        EventDefinition::new(PONG, "answers"),
    ],
};

static CONTRACT: Contract = Contract {
    slug: "echo",
    version: "0.1.0",
    description: "Answers every ping with a pong.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[PING],
    emits: &[PONG],
};

struct Echo {
    stream: Rc<dyn StreamPort>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    pings: u64,
}

impl Processor for Echo {
    type State = Seen;
    type Consumed = ();

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(_event: &Event) -> Result<(), PayloadError> {
        Ok(())
    }

    fn reduce(state: &mut Seen, _event: &Event, _consumed: &()) {
        state.pings += 1;
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let offset = reduced.event.offset;
        let pong =
            EventInput::new(PONG, json!({ "of": offset })).keyed(CONTRACT.key_at("pong", offset));
        let stream = self.stream.clone();
        hook.block(async move {
            stream.append_batch(None, vec![pong]).await?;
            Ok(())
        });
    }
}

struct EchoObject(Rc<ProcessorHost>);

impl Object for EchoObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.0.clone().call(&method, arguments)
    }

    fn alarm(
        self: Rc<Self>,
    ) -> futures_util::future::LocalBoxFuture<'static, Result<(), CallError>> {
        let host = self.0.clone();
        Box::pin(async move { host.alarm().await })
    }
}

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add("echo", |dependencies| Echo {
        stream: dependencies.stream,
    });
    Rc::new(EchoObject(host))
}

/// Never answers when it is asked, and knows nothing else.
struct Mute;

impl Mute {
    /// The object that the stream dials asks another one.
    fn construct(context: Context) -> Rc<dyn Object> {
        if &*context.name().name == "p1:/echo" {
            let answer = context
                .object("ECHO", "p1:/other")
                .call("ask", Arguments::new());
            context.spawn("ask", async move { drop(answer.await) });
        }
        Rc::new(Mute)
    }
}

impl Object for Mute {
    fn call(self: Rc<Self>, method: String, _arguments: Arguments) -> Reply {
        match method.as_str() {
            "ask" => Box::pin(std::future::pending()),
            method => {
                let error = unknown_method("ECHO", method);
                Box::pin(async { Err(error) })
            }
        }
    }
}

/// Nothing is under way, and yet a call is not answered.
pub struct Unanswered;

impl Scenario for Unanswered {
    fn name(&self) -> &'static str {
        "unanswered"
    }

    fn about(&self) -> &'static str {
        "an object asks another one that never answers"
    }

    fn classes(&self) -> &'static [Class] {
        const CLASSES: &[Class] = &[
            stream::CLASS,
            Class {
                binding: "ECHO",
                construct: Mute::construct,
            },
        ];
        CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(world.append(stream_name(), vec![subscription("p1:/echo")])) })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Quiesces]
    }
}

static CLASSES: [Class; 2] = [
    stream::CLASS,
    Class {
        binding: "ECHO",
        construct,
    },
];

/// Waits, while it holds the turn of its processor, for a checkpoint that only that turn can bring.
struct Impatient {
    host: Rc<OnceCell<Weak<ProcessorHost>>>,
}

impl Processor for Impatient {
    type State = Seen;
    type Consumed = ();

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(_event: &Event) -> Result<(), PayloadError> {
        Ok(())
    }

    fn reduce(_state: &mut Seen, _event: &Event, _consumed: &()) {}

    fn process_event(self: &Rc<Self>, _reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let host = self.host.get().and_then(Weak::upgrade);
        hook.block(async move {
            host.expect("it lives").catch_up("echo").await?;
            Ok(())
        });
    }
}

fn construct_impatient(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    let own = Rc::new(OnceCell::new());
    let of_processor = own.clone();
    host.add("echo", |_| Impatient { host: of_processor });
    own.get_or_init(|| Rc::downgrade(&host));
    Rc::new(EchoObject(host))
}

/// A processor catches up with itself.
pub struct CatchesUpWithItself;

impl Scenario for CatchesUpWithItself {
    fn name(&self) -> &'static str {
        "catches-up-with-itself"
    }

    fn about(&self) -> &'static str {
        "a processor's effect waits for the checkpoint behind it"
    }

    fn classes(&self) -> &'static [Class] {
        const CLASSES: &[Class] = &[
            stream::CLASS,
            Class {
                binding: "ECHO",
                construct: construct_impatient,
            },
        ];
        CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let ping = EventInput::new(PING, json!({})).keyed("ping");
            drop(world.append(stream_name(), vec![subscription("p1:/echo"), ping]));
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[&Deadlocks, &Quiesces]
    }
}

pub const PINGS: u64 = 12;

pub struct Echoes;

pub fn stream_name() -> StreamName {
    StreamName::parse("p1:/echo").unwrap()
}

/// Has the stream dial the echo object of that name.
fn subscription(object: &str) -> EventInput {
    let subscription = SubscriptionConfigured {
        subscription_key: "echo".to_owned(),
        subscriber: Subscriber::Callable {
            callable: Callable::hosted_processor("ECHO", object, "echo"),
        },
    };
    EventInput::new(SUBSCRIPTION_CONFIGURED, subscription).keyed("echo-subscription")
}

/// A host that is not named after a stream: its constructor panics, in product code.
pub struct Misnamed;

impl Scenario for Misnamed {
    fn name(&self) -> &'static str {
        "misnamed"
    }

    fn about(&self) -> &'static str {
        "an echo is dialed by a name that hosts cannot have"
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(world.append(stream_name(), vec![subscription("nobody")])) })
    }
}

impl Scenario for Echoes {
    fn name(&self) -> &'static str {
        "echoes"
    }

    fn about(&self) -> &'static str {
        "an echo answers a dozen pings"
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            drop(world.append(stream_name(), vec![subscription("p1:/echo")]));
            world.sleep(2_000).await;
            for number in 0..PINGS {
                let ping = EventInput::new(PING, json!({ "number": number }))
                    .keyed(format!("ping-{number}"));
                drop(world.append(stream_name(), vec![ping]));
                world.sleep(number * 40).await;
            }
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &EveryPingIsAnswered,
            &StateIsFold,
            &Quiesces,
        ]
    }

    fn folds(&self) -> &'static [Fold] {
        const FOLDS: &[Fold] = &[Fold::of::<Echo>()];
        FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        match evidence.crashes {
            0 => Vec::new(),
            _ => vec!["crashed"],
        }
    }
}

/// The same, with an old revision whose streams never dial again who was lost.
pub struct OldEchoes;

impl Scenario for OldEchoes {
    fn name(&self) -> &'static str {
        "old-echoes"
    }

    fn about(&self) -> &'static str {
        "an echo answers a dozen pings of a stream that may be of an old revision"
    }

    fn old_revision(&self) -> Quirks {
        Quirks::NONE.with(Quirk::B15)
    }

    fn classes(&self) -> &'static [Class] {
        Echoes.classes()
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Echoes.workload(world)
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        Echoes.oracles()
    }

    fn folds(&self) -> &'static [Fold] {
        Echoes.folds()
    }
}

struct EveryPingIsAnswered;

impl Oracle for EveryPingIsAnswered {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn asserts(&self) -> &'static str {
        "every ping above the anchor has one pong"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let log = evidence.log(&stream_name());
        let count = |kind: &EventType| log.iter().filter(|event| event.kind == *kind).count();
        let anchor = log
            .iter()
            .position(|event| event.kind == SUBSCRIPTION_CONFIGURED)
            .unwrap_or(usize::MAX);
        let live = log
            .iter()
            .skip(anchor)
            .filter(|event| event.kind == PING)
            .count();
        match (count(&PING) as u64, count(&PONG)) {
            (PINGS, pongs) if pongs == live => Ok(live as u64),
            (pings, pongs) => Err(Violation::liveness(
                "unanswered",
                format!("{pings} pings, {live} of them live, {pongs} pongs"),
            )),
        }
    }
}
