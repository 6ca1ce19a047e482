//! A processor that fails when it is told to: at an order, so many times, by itself or because it
//! says that somebody else could not be reached; or, once told so, at every connection that it hears
//! of. How often it has failed is in memory only.

use processors::hosting::HostedObject;
use runtime::{
    call::CallError,
    event::{Event, EventInput, EventType, Offset, PayloadError},
    object::{Class, Context, Object},
    processor::{
        Catalogue, Contract, EventDefinition, Hook, Processor, ProcessorError, ProcessorHost,
        Reduced,
    },
    stream::contract::{self as core, SUBSCRIBER_CONNECTED},
};
use serde::{Deserialize, Serialize};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

pub const SLUG: &str = "faltering";
pub const BINDING: &str = "FALTERING";

pub const ORDERED: EventType = EventType::of("events.iterate.com/faltering/ordered");

pub const CLASS: Class = Class {
    binding: BINDING,
    construct,
};

fn construct(context: Context) -> Rc<dyn Object> {
    let host = ProcessorHost::new(context);
    host.add(SLUG, |_| Faltering::default());
    HostedObject::new(host, Box::new(|_, _| None))
}

static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[EventDefinition::new(ORDERED, "How to fail from here on.")],
};

static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "Fails when it is told to.",
    events: &CATALOGUE,
    dependencies: &[&core::CATALOGUE],
    consumes: &[ORDERED, SUBSCRIBER_CONNECTED],
    emits: &[],
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failing {
    /// At this order, so many times.
    ByItself(u64),
    /// So many times, because the way to somebody failed.
    Transiently(u64),
    /// At every connection from here on.
    AtConnections,
}

pub fn ordered(number: u64, failing: Failing) -> EventInput {
    EventInput::new(ORDERED, failing).keyed(format!("workload/ordered-{number}"))
}

#[derive(Default)]
pub struct Faltering {
    /// By the offset of the order.
    failures: RefCell<BTreeMap<Offset, u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    pub orders: u64,
    pub fails_at_connections: bool,
}

impl Processor for Faltering {
    type State = State;
    type Consumed = Option<Failing>;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Option<Failing>, PayloadError> {
        match event.kind == ORDERED {
            true => event.payload().map(Some),
            false => Ok(None),
        }
    }

    fn reduce(state: &mut State, _event: &Event, order: &Option<Failing>) {
        let Some(failing) = order else { return };
        state.orders += 1;
        state.fails_at_connections |= *failing == Failing::AtConnections;
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let (faltering, offset) = (self.clone(), reduced.event.offset);
        match reduced.consumed {
            None if reduced.state.fails_at_connections => hook.block(async { Err(told_to()) }),
            Some(Failing::ByItself(times)) => {
                hook.block(async move { faltering.fail(offset, times, told_to()) });
            }
            Some(Failing::Transiently(times)) => {
                let error = CallError::Disconnected("told to".to_owned());
                hook.block(async move { faltering.fail(offset, times, error.into()) });
            }
            Some(Failing::AtConnections) | None => {}
        }
    }
}

impl Faltering {
    fn fail(&self, at: Offset, times: u64, error: ProcessorError) -> Result<(), ProcessorError> {
        let mut failures = self.failures.borrow_mut();
        let failed = failures.entry(at).or_insert(0);
        if *failed >= times {
            return Ok(());
        }
        *failed += 1;
        Err(error)
    }
}

fn told_to() -> ProcessorError {
    ProcessorError::Failed("told to".to_owned())
}
