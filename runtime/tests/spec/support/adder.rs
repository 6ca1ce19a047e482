//! The adder: sums the numbers of its stream, says each sum, and fails when it is told to. Its
//! failures outlive its incarnations, as those of a bug would.

use super::{configure, Stream, World};
use runtime::{
    call::{Arguments, CallError, ObjectName},
    event::{Event, EventInput, EventType, PayloadError, StreamPath},
    object::{unknown_method, Object, Reply},
    processor::{
        Catalogue, Contract, Dependencies, EventDefinition, Hook, Processor, ProcessorError,
        ProcessorHost, Reduced, StoredCheckpoint, StreamPort,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

pub const ADD: EventType = EventType::of("test/add");
pub const SUM: EventType = EventType::of("test/sum");

static CATALOGUE: Catalogue = Catalogue {
    owner: "adder",
    events: &[
        EventDefinition::new(ADD, "a number"),
        EventDefinition::new(SUM, "the sum so far"),
    ],
};

static CONTRACT: Contract = Contract {
    slug: "adder",
    version: "0.1.0",
    description: "Adds.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[ADD],
    emits: &[SUM],
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// By itself.
    ByItself,
    /// Because somebody else could not be reached.
    Transiently,
}

/// What the adder of a world is told to do, and what it did.
pub struct Orders {
    pub name: ObjectName,
    pub failing: Cell<Failing>,
    /// So many more batches fail.
    pub failures: Cell<u32>,
    /// Where the sums are said, if not on the own stream.
    pub sums_to: RefCell<Option<StreamPath>>,
    /// A batch takes that long.
    pub takes_ms: Cell<u64>,
    /// Discards its checkpoint before it loads.
    pub discards: Cell<bool>,
    /// Appends in its constructor.
    pub appends_at_once: Cell<bool>,
    pub appended_at_once: RefCell<Option<Result<(), CallError>>>,
}

pub struct Adder {
    stream: Rc<dyn StreamPort>,
    context: runtime::object::Context,
    orders: Rc<Orders>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Total {
    pub total: u64,
    pub count: u64,
}

impl Processor for Adder {
    type State = Total;
    type Consumed = u64;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn prepare(&self) -> Result<StoredCheckpoint, ProcessorError> {
        Ok(match self.orders.discards.get() {
            true => StoredCheckpoint::Discard,
            false => StoredCheckpoint::Keep,
        })
    }

    fn parse(event: &Event) -> Result<u64, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut Total, _event: &Event, consumed: &u64) {
        state.total += consumed;
        state.count += 1;
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let key = CONTRACT.key_at("sum", reduced.event.offset);
        let sum = EventInput::new(SUM, reduced.state.total).keyed(key);
        let adder = self.clone();
        hook.block(async move {
            adder
                .context
                .sleep("adding", adder.orders.takes_ms.get())
                .await;
            adder.fail()?;
            let to = adder.orders.sums_to.borrow().clone();
            adder.stream.append_batch(to.as_ref(), vec![sum]).await?;
            Ok(())
        });
    }
}

impl Adder {
    fn fail(&self) -> Result<(), ProcessorError> {
        let orders = &self.orders;
        if orders.failures.get() == 0 {
            return Ok(());
        }
        orders.failures.set(orders.failures.get() - 1);
        Err(match orders.failing.get() {
            Failing::ByItself => ProcessorError::Failed("told to".to_owned()),
            Failing::Transiently => CallError::Disconnected("told to".to_owned()).into(),
        })
    }
}

struct AdderObject(Rc<ProcessorHost>);

impl Object for AdderObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        match method.as_str() {
            "requestStreamSubscription" | "runtimeState" => self.0.clone().call(&method, arguments),
            method => {
                let error = unknown_method("ADDER", method);
                Box::pin(async { Err(error) })
            }
        }
    }
}

impl Orders {
    pub fn new() -> Rc<Orders> {
        Rc::new(Orders {
            name: ObjectName::new("ADDER", "p1:/a"),
            failing: Cell::new(Failing::ByItself),
            failures: Cell::new(0),
            sums_to: RefCell::default(),
            takes_ms: Cell::new(0),
            discards: Cell::new(false),
            appends_at_once: Cell::new(false),
            appended_at_once: RefCell::default(),
        })
    }

    pub fn build(self: &Rc<Self>, dependencies: Dependencies) -> Adder {
        let adder = Adder {
            stream: dependencies.stream,
            context: dependencies.context,
            orders: self.clone(),
        };
        if self.appends_at_once.get() {
            let appended = adder.stream.append_batch(None, Vec::new());
            let orders = self.clone();
            adder.context.spawn("append at once", async move {
                *orders.appended_at_once.borrow_mut() = Some(appended.await.map(drop));
            });
        }
        adder
    }

    /// An adder for `p1:/a`, under each of these names.
    pub fn host(world: &World, names: &'static [&'static str]) -> Rc<Orders> {
        let orders = Orders::new();
        let given = orders.clone();
        world.add_class("ADDER", move |context| {
            let host = ProcessorHost::new(context);
            for name in names {
                host.add(name, |dependencies| given.build(dependencies));
            }
            Rc::new(AdderObject(host))
        });
        orders
    }

    /// `{offset, state}`, as stored.
    pub fn snapshot(&self, world: &World) -> Value {
        let stored = world.disk(&self.name).kv("stream-processor:adder:snapshot");
        stored.map_or(Value::Null, |json| {
            serde_json::from_str(&json).expect("a snapshot")
        })
    }

    pub fn total(&self, world: &World) -> u64 {
        let total = &self.snapshot(world)["state"]["total"];
        total.as_u64().unwrap_or_default()
    }
}

/// `p1:/a` with one adder, connected.
pub async fn connected_adder(world: &World) -> (Stream, Rc<Orders>) {
    let orders = Orders::host(world, &["adder"]);
    let stream = world.stream("p1:/a");
    stream
        .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
        .await;
    world.settle().await;
    (stream, orders)
}

pub fn add(number: u64) -> Value {
    json!({ "type": ADD, "payload": number })
}
