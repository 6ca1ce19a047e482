//! The counter: a processor that counts, and the object that hosts it. It does as little as a
//! processor can, so that what is measured is the platform.

use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Arguments, CallError},
    event::{Event, EventType, PayloadError},
    object::{Class, Context, Object, Reply},
    processor::{Catalogue, Contract, EventDefinition, Processor, ProcessorHost},
};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

pub const BINDING: &str = "COUNTER";
pub const PROCESSOR: &str = "counter";
pub const COUNTED: EventType = EventType::of("test/counted");

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

static CATALOGUE: Catalogue = Catalogue {
    owner: PROCESSOR,
    events: &[EventDefinition::new(COUNTED, "is counted")],
};

static CONTRACT: Contract = Contract {
    slug: PROCESSOR,
    version: "0.1.0",
    description: "Counts.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[COUNTED],
    emits: &[],
};

struct Counter;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Count {
    count: u64,
}

impl Processor for Counter {
    type State = Count;
    type Consumed = ();

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(_event: &Event) -> Result<(), PayloadError> {
        Ok(())
    }

    fn reduce(state: &mut Count, _event: &Event, _consumed: &()) {
        state.count += 1;
    }
}

struct CounterObject(Rc<ProcessorHost>);

impl Object for CounterObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.0.clone().call(&method, arguments)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let host = self.0.clone();
        Box::pin(async move { host.alarm().await })
    }
}

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(PROCESSOR, |_| Counter);
    Rc::new(CounterObject(host))
}
