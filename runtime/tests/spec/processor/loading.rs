//! How a processor begins (spec §2.1, §2.3): its contract, `prepare`, the load; and that its state
//! stays an object (§2.4, step 2).

use crate::support::{batch_of, run};
use futures_util::future::LocalBoxFuture;
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    platform::StorageError,
    processor::{
        Catalogue, Checkpoints, Contract, Engine, EventBatch, EventDefinition, Hook, Processor,
        ProcessorError, Runner, StoredCheckpoint,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    panic::catch_unwind,
    rc::Rc,
};

const BECOME: EventType = EventType::of("test/become");
const OF_NOBODY: EventType = EventType::of("test/of-nobody");

static CATALOGUE: Catalogue = Catalogue {
    owner: "shape",
    events: &[EventDefinition::new(BECOME, "the next state")],
};
static BECOMES: [EventType; 1] = [BECOME];
static OTHERS: [EventType; 1] = [OF_NOBODY];

const fn contract(consumes: &'static [EventType], emits: &'static [EventType]) -> Contract {
    Contract {
        slug: "shape",
        version: "0.1.0",
        description: "",
        events: &CATALOGUE,
        dependencies: &[],
        consumes,
        emits,
    }
}

static SOUND: Contract = contract(&BECOMES, &BECOMES);
static CONSUMES_FOREIGN: Contract = contract(&OTHERS, &[]);
static EMITS_FOREIGN: Contract = contract(&BECOMES, &OTHERS);

/// Takes the payload for its state, whatever it is.
#[derive(Default)]
struct Shape<const CONTRACT: u8 = 0> {
    /// What becomes of the stored checkpoint, by instance; none left fails.
    prepared: RefCell<Vec<StoredCheckpoint>>,
    effects: Rc<Cell<u32>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Form(Value);

impl Default for Form {
    fn default() -> Self {
        Form(json!({ "initial": true }))
    }
}

impl<const CONTRACT: u8> Processor for Shape<CONTRACT> {
    type State = Form;
    type Consumed = Form;

    fn contract() -> &'static Contract {
        match CONTRACT {
            0 => &SOUND,
            1 => &CONSUMES_FOREIGN,
            _ => &EMITS_FOREIGN,
        }
    }

    fn prepare(&self) -> Result<StoredCheckpoint, ProcessorError> {
        let prepared = self.prepared.borrow_mut().pop();
        prepared.ok_or_else(|| ProcessorError::Failed("unprepared".to_owned()))
    }

    fn parse(event: &Event) -> Result<Form, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut Form, _event: &Event, consumed: &Form) {
        *state = consumed.clone();
    }

    fn process_batch(self: &Rc<Self>, _hook: &Hook<Self>) {
        self.effects.set(self.effects.get() + 1);
    }
}

#[derive(Default)]
struct Stored {
    snapshot: RefCell<Option<String>>,
    reads: Cell<u32>,
    refuses_to_discard: Cell<bool>,
}

impl Checkpoints for Stored {
    fn read(&self) -> Result<Option<String>, String> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.snapshot.borrow().clone())
    }

    fn write(&self, _offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        *self.snapshot.borrow_mut() = Some(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        if self.refuses_to_discard.get() {
            return Err(StorageError("undeletable".to_owned()));
        }
        *self.snapshot.borrow_mut() = None;
        Ok(())
    }

    fn side_effects_after(&self) -> Offset {
        Offset::ZERO
    }

    fn keep_alive(&self, _what: &'static str, _work: LocalBoxFuture<'static, ()>) {}

    fn log_failure(&self, _what: &str, _error: &ProcessorError) {}
}

/// Checkpoints with a state at offset 4.
fn stored() -> Rc<Stored> {
    let stored = Stored::default();
    let snapshot = json!({ "offset": 4, "state": { "stored": true } });
    *stored.snapshot.borrow_mut() = Some(snapshot.to_string());
    Rc::new(stored)
}

fn engine(prepared: &[StoredCheckpoint], stored: &Rc<Stored>) -> Rc<Engine<Shape>> {
    let shape = Shape {
        prepared: RefCell::new(prepared.to_vec()),
        ..Shape::default()
    };
    Engine::new(shape, stored.clone())
}

fn batch(payloads: &[Value]) -> EventBatch {
    let events = payloads.iter().zip(5..);
    batch_of(events.map(|(payload, offset)| (offset, "test/become", payload.clone())))
}

#[test]
fn a_type_that_nobody_owns_is_no_contract() {
    fn build<const CONTRACT: u8>() -> Rc<Engine<Shape<CONTRACT>>> {
        Engine::new(Shape::default(), Rc::new(Stored::default()))
    }
    let builds: [fn(); 2] = [|| drop(build::<1>()), || drop(build::<2>())];
    for build in builds {
        let panic = catch_unwind(build).expect_err("it is not built");
        let message = panic.downcast_ref::<String>().expect("a sentence");
        assert!(message.contains("test/of-nobody"), "{message}");
    }
}

#[test]
fn it_is_prepared_once_before_the_first_load() {
    run(|_| async move {
        let stored = stored();
        let engine = engine(&[StoredCheckpoint::Keep], &stored);
        let snapshot = engine.snapshot().unwrap();
        assert_eq!(
            (snapshot.offset.0, &snapshot.state.0),
            (4, &json!({ "stored": true }))
        );
        engine.clone().ingest(batch(&[json!({})])).await.unwrap();
        assert_eq!(engine.snapshot().unwrap().offset, Offset(5));
        assert_eq!(stored.reads.get(), 1);
    });
}

#[test]
fn preparing_may_discard_the_stored_checkpoint() {
    let stored = stored();
    let snapshot = engine(&[StoredCheckpoint::Discard], &stored).snapshot();
    let snapshot = snapshot.unwrap();
    assert_eq!(
        (snapshot.offset, &*snapshot.state),
        (Offset::ZERO, &Form::default())
    );
    assert_eq!(*stored.snapshot.borrow(), None, "for good");
}

#[test]
fn a_load_that_failed_is_tried_again_from_the_beginning() {
    run(|_| async move {
        let stored = stored();
        let engine = engine(&[], &stored);
        let outcome = engine.clone().ingest(batch(&[json!({})])).await;
        assert_eq!(outcome.unwrap_err().to_string(), "unprepared");
        assert_eq!(stored.reads.get(), 0);

        stored.refuses_to_discard.set(true);
        let prepared = &engine.processor().prepared;
        prepared.borrow_mut().push(StoredCheckpoint::Discard);
        let outcome = engine.snapshot().map(drop);
        assert_eq!(outcome.unwrap_err().to_string(), "storage: undeletable");

        prepared.borrow_mut().push(StoredCheckpoint::Keep);
        assert_eq!(engine.snapshot().unwrap().offset, Offset(4));
    });
}

#[test]
fn a_state_that_is_no_object_fails_the_batch_before_any_effect() {
    run(|_| async move {
        for misfit in [json!([1]), json!("{}"), json!(7), json!(true), Value::Null] {
            let stored = stored();
            let engine = engine(&[StoredCheckpoint::Keep], &stored);
            let effects = engine.processor().effects.clone();
            let before = stored.snapshot.borrow().clone();
            let passing = batch(&[json!({ "a": 1 }), misfit.clone(), json!({})]);
            let error = engine.clone().ingest(passing).await.unwrap_err();
            let expected = "Processor \"shape\" state must be an object.";
            assert_eq!(error.to_string(), expected, "{misfit}");
            assert_eq!((effects.get(), &*stored.snapshot.borrow()), (0, &before));
            let good = batch(&[json!({ "a": 1 }), json!({})]);
            engine.ingest(good).await.unwrap();
            assert_eq!(effects.get(), 1);
        }
    });
}
