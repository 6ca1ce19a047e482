//! `ingest` (spec §2.3–2.5): the cases of §7.1, by number, with one probe.
//!
//! - [`reducing`]: what a batch makes of the state, and what its hooks see.
//! - [`effects`]: blocking and background work. - [`failing`]: order, failures, redelivery, storage.

mod effects;
mod failing;
mod reducing;

use crate::support::{batch_of, run};
use futures_util::future::LocalBoxFuture;
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    platform::StorageError,
    processor::{
        Catalogue, Checkpoints, Contract, Engine, EventBatch, EventDefinition, Hook,
        MemoryCheckpoints, Processor, ProcessorError, Reduced, Runner, WILDCARD,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use tokio::sync::Notify;

const ADD: EventType = EventType::of("test/add");

static CATALOGUE: Catalogue = Catalogue {
    owner: "probe",
    events: &[EventDefinition::new(ADD, "a number")],
};

const fn contract(consumes: &'static [EventType]) -> Contract {
    Contract {
        slug: "probe",
        version: "0.1.0",
        description: "",
        events: &CATALOGUE,
        dependencies: &[],
        consumes,
        emits: &[],
    }
}

/// Which contract a probe has.
const NAMED: u8 = 0;
const MIXED: u8 = 1;
const PURE: u8 = 2;

static NUMBERS: [EventType; 1] = [ADD];
static NUMBERS_AND_OTHERS: [EventType; 2] = [ADD, WILDCARD];
static EVERYTHING: [EventType; 1] = [WILDCARD];
static CONTRACTS: [Contract; 3] = [
    contract(&NUMBERS),
    contract(&NUMBERS_AND_OTHERS),
    contract(&EVERYTHING),
];

/// What happened to a probe, in order.
type Story = Rc<RefCell<Vec<String>>>;
type OnEvent<const CONTRACT: u8> = Box<dyn Fn(&Reduced<Probe<CONTRACT>>, &Hook<Probe<CONTRACT>>)>;

/// Sums numbers, counts other events if it takes them, and tells what its hooks see.
struct Probe<const CONTRACT: u8 = NAMED> {
    story: Story,
    on_event: OnEvent<CONTRACT>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sum {
    sum: u64,
    others: u64,
}

impl<const CONTRACT: u8> Processor for Probe<CONTRACT> {
    type State = Sum;
    type Consumed = Option<u64>;

    fn contract() -> &'static Contract {
        &CONTRACTS[CONTRACT as usize]
    }

    fn parse(event: &Event) -> Result<Option<u64>, PayloadError> {
        match event.kind == ADD {
            true => event.payload().map(Some),
            false => Ok(None),
        }
    }

    fn reduce(state: &mut Sum, _event: &Event, consumed: &Option<u64>) {
        match consumed {
            Some(number) => state.sum += number,
            None => state.others += 1,
        }
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        self.story.borrow_mut().push(format!(
            "event {}: {} → {}, checkpoint {}, head {}",
            reduced.event.offset,
            reduced.previous_state.sum,
            reduced.state.sum,
            hook.checkpoint_offset,
            hook.stream_max_offset,
        ));
        (self.on_event)(reduced, hook);
    }

    fn process_batch(self: &Rc<Self>, hook: &Hook<Self>) {
        let live: Vec<u64> = hook
            .live
            .iter()
            .map(|reduced| reduced.event.offset.0)
            .collect();
        self.story.borrow_mut().push(format!(
            "batch {live:?}: {} → {}",
            hook.previous_state.sum, hook.state.sum
        ));
    }
}

/// Checkpoints that can fail, and remember what was asked of them.
#[derive(Default)]
struct Recorded {
    stored: RefCell<Option<String>>,
    writes: Cell<u32>,
    failing_reads: Cell<u32>,
    failing_writes: Cell<u32>,
    anchor: Offset,
    kept_alive: RefCell<Vec<&'static str>>,
    failures: Rc<RefCell<Vec<String>>>,
}

fn take_one(count: &Cell<u32>) -> bool {
    let is_left = count.get() > 0;
    count.set(count.get().saturating_sub(1));
    is_left
}

impl Checkpoints for Recorded {
    fn read(&self) -> Result<Option<String>, String> {
        match take_one(&self.failing_reads) {
            true => Err("unreadable".to_owned()),
            false => Ok(self.stored.borrow().clone()),
        }
    }

    fn write(&self, _offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        if take_one(&self.failing_writes) {
            return Err(StorageError("unwritable".to_owned()));
        }
        self.writes.set(self.writes.get() + 1);
        *self.stored.borrow_mut() = Some(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        *self.stored.borrow_mut() = None;
        Ok(())
    }

    fn side_effects_after(&self) -> Offset {
        self.anchor
    }

    fn keep_alive(&self, what: &'static str, work: LocalBoxFuture<'static, ()>) {
        self.kept_alive.borrow_mut().push(what);
        tokio::task::spawn_local(work);
    }

    fn log_failure(&self, what: &str, error: &ProcessorError) {
        self.failures.borrow_mut().push(format!("{what}: {error}"));
    }
}

/// A probe and its checkpoints.
struct Bench<const CONTRACT: u8 = NAMED> {
    engine: Rc<Engine<Probe<CONTRACT>>>,
    checkpoints: Rc<Recorded>,
    story: Story,
}

impl Bench {
    fn new() -> Self {
        Bench::with(Recorded::default(), |_, _| {})
    }

    fn hooked(on_event: impl Fn(&Reduced<Probe>, &Hook<Probe>) + 'static) -> Self {
        Bench::with(Recorded::default(), on_event)
    }
}

impl<const CONTRACT: u8> Bench<CONTRACT> {
    fn with(
        checkpoints: Recorded,
        on_event: impl Fn(&Reduced<Probe<CONTRACT>>, &Hook<Probe<CONTRACT>>) + 'static,
    ) -> Self {
        let (checkpoints, story) = (Rc::new(checkpoints), Story::default());
        let probe = Probe {
            story: story.clone(),
            on_event: Box::new(on_event),
        };
        Bench {
            engine: Engine::new(probe, checkpoints.clone()),
            checkpoints,
            story,
        }
    }

    async fn ingest(&self, events: &[(u64, Value)]) -> Result<(), ProcessorError> {
        self.engine.clone().ingest(batch(events)).await
    }

    fn stored(&self) -> Value {
        let stored = self.checkpoints.stored.borrow();
        stored
            .as_ref()
            .map_or(Value::Null, |json| serde_json::from_str(json).unwrap())
    }

    fn story(&self) -> Vec<String> {
        self.story.take()
    }

    fn sum(&self) -> u64 {
        self.engine.snapshot().unwrap().state.sum
    }
}

/// Numbers to add; anything else is an event of another type.
fn batch(events: &[(u64, Value)]) -> EventBatch {
    batch_of(events.iter().map(|(offset, payload)| {
        let kind = match payload.is_object() {
            true => "test/other",
            false => "test/add",
        };
        (*offset, kind, payload.clone())
    }))
}

fn other() -> Value {
    json!({})
}

fn failed() -> Result<(), ProcessorError> {
    Err(ProcessorError::Failed("told to".to_owned()))
}

/// Hooks that wait: blocking work is done when the test says so.
fn waiting() -> (Bench, Rc<Notify>) {
    let go: Rc<Notify> = Rc::default();
    let given = go.clone();
    let bench = Bench::hooked(move |_, hook| {
        let go = given.clone();
        hook.block(async move {
            go.notified().await;
            Ok(())
        });
    });
    (bench, go)
}
