//! However a log is cut into batches, however often a batch comes again, and whatever fails in
//! between: one state, one checkpoint, and every live event's effect at least once before the
//! checkpoint passes it (spec §2.4; B-20, C2).

use crate::{
    strategies::cases,
    support::{run, World},
};
use futures_util::future::{join, LocalBoxFuture};
use proptest::{collection::vec, prelude::*};
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    platform::StorageError,
    processor::{
        Catalogue, Checkpoints, Contract, Engine, EventBatch, EventDefinition, Fold, Hook,
        Processor, ProcessorError, Reduced, Runner, Snapshot,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::Arc,
};

const NUMBER: EventType = EventType::of("test/number");

static CATALOGUE: Catalogue = Catalogue {
    owner: "tally",
    events: &[EventDefinition::new(NUMBER, "a number")],
};
static CONTRACT: Contract = Contract {
    slug: "tally",
    version: "0.1.0",
    description: "",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[NUMBER],
    emits: &[],
};

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn any_delivery_of_a_log_comes_to_the_same(
        payloads in vec(prop_oneof![3 => (0..100u64).prop_map(Some), 1 => Just(None)], 1..20),
        anchor in 0..8u64,
        deliveries in vec(delivery(), 0..16),
    ) {
        run(|world| async move {
            let mut trial = Trial::new(world, &payloads, Offset(anchor));
            for delivery in deliveries {
                trial.deliver(&delivery).await;
            }
            trial.deliver_the_rest().await;
        });
    }
}

/// One delivery: a slice of the log that begins at or before the first event above the checkpoint.
#[derive(Clone, Debug)]
struct Delivery {
    /// So many events come again.
    again: usize,
    length: usize,
    to: Instance,
    failing: Failing,
    /// How it is handed over.
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Instance {
    Same,
    /// A new one, which loads the checkpoint.
    Fresh,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failing {
    Nothing,
    Read,
    Write,
    /// The effect of the event at that place of the log, modulo its length.
    Effect(usize),
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    Once,
    /// Two copies at the same time.
    Twice,
    /// By somebody who stops waiting for its outcome.
    Abandoned,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let failing = prop_oneof![
        4 => Just(Failing::Nothing),
        1 => Just(Failing::Read),
        1 => Just(Failing::Write),
        2 => (0..20usize).prop_map(Failing::Effect),
    ];
    let manner = prop_oneof![
        4 => Just(Manner::Once),
        1 => Just(Manner::Twice),
        1 => Just(Manner::Abandoned),
    ];
    let instance = prop_oneof![3 => Just(Instance::Same), 1 => Just(Instance::Fresh)];
    (0..5usize, 0..7usize, instance, failing, manner).prop_map(
        |(again, length, to, failing, manner)| Delivery {
            again,
            length,
            to,
            failing,
            manner,
        },
    )
}

/// Sums numbers, and remembers in which order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sum {
    sum: u64,
    reduced: Vec<u64>,
}

struct Tally {
    effects: Rc<Effects>,
}

#[derive(Default)]
struct Effects {
    done: RefCell<Vec<Offset>>,
    failing: Cell<Option<Offset>>,
}

impl Processor for Tally {
    type State = Sum;
    type Consumed = u64;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<u64, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut Sum, event: &Event, number: &u64) {
        state.sum += number;
        state.reduced.push(event.offset.0);
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let (effects, offset) = (self.effects.clone(), reduced.event.offset);
        hook.block(async move {
            for _ in 0..offset.0 % 3 {
                tokio::task::yield_now().await;
            }
            if effects.failing.get() == Some(offset) {
                return Err(ProcessorError::Failed("told to".to_owned()));
            }
            effects.done.borrow_mut().push(offset);
            Ok(())
        });
    }
}

/// Checkpoints that fail when they are told to.
#[derive(Default)]
struct Flaky {
    stored: RefCell<Option<String>>,
    anchor: Offset,
    fails_to_read: Cell<bool>,
    fails_to_write: Cell<bool>,
}

impl Flaky {
    fn snapshot(&self) -> Snapshot<Sum> {
        let stored = self.stored.borrow();
        let parse = |json: &String| serde_json::from_str(json).expect("a snapshot");
        stored.as_ref().map_or_else(Snapshot::default, parse)
    }
}

impl Checkpoints for Flaky {
    fn read(&self) -> Result<Option<String>, String> {
        match self.fails_to_read.get() {
            true => Err("unreadable".to_owned()),
            false => Ok(self.stored.borrow().clone()),
        }
    }

    fn write(&self, offset: Offset, json: String, _owes: bool) -> Result<(), StorageError> {
        if self.fails_to_write.get() {
            return Err(StorageError("unwritable".to_owned()));
        }
        assert!(offset > self.snapshot().offset, "checkpoints move forward");
        *self.stored.borrow_mut() = Some(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), StorageError> {
        panic!("nobody asked for that")
    }

    fn side_effects_after(&self) -> Offset {
        self.anchor
    }

    fn keep_alive(&self, _what: &'static str, work: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(work);
    }

    fn log_failure(&self, _what: &str, _error: &ProcessorError) {}
}

/// A log, and a processor that it is delivered to.
struct Trial {
    world: World,
    log: Vec<Arc<Event>>,
    checkpoints: Rc<Flaky>,
    effects: Rc<Effects>,
    engine: Rc<Engine<Tally>>,
}

impl Trial {
    /// A number is consumed, and none is an event of another type.
    fn new(world: World, payloads: &[Option<u64>], anchor: Offset) -> Self {
        let event = |(payload, offset): (&Option<u64>, u64)| {
            let event = json!({
                "type": payload.map_or("test/other", |_| "test/number"),
                "payload": payload,
                "offset": offset,
                "createdAt": "2026-02-26T20:17:38.963Z",
            });
            Arc::new(serde_json::from_value(event).expect("an event"))
        };
        let checkpoints = Rc::new(Flaky {
            anchor,
            ..Flaky::default()
        });
        let effects = Rc::<Effects>::default();
        Trial {
            world,
            log: payloads.iter().zip(1..).map(event).collect(),
            engine: engine(&checkpoints, &effects),
            checkpoints,
            effects,
        }
    }

    async fn deliver(&mut self, delivery: &Delivery) {
        if delivery.to == Instance::Fresh {
            self.engine = engine(&self.checkpoints, &self.effects);
        }
        self.fail(delivery.failing);
        let checkpoint = self.checkpoints.snapshot();
        let from = (checkpoint.offset.0 as usize).saturating_sub(delivery.again);
        let batch = self.batch(from, delivery.length);
        let ingest = || self.engine.clone().ingest(batch.clone());
        let failed = match delivery.manner {
            Manner::Once => ingest().await.is_err(),
            Manner::Twice => {
                let (first, second) = join(ingest(), ingest()).await;
                first.is_err() && second.is_err()
            }
            Manner::Abandoned => {
                let abandoned = tokio::task::spawn_local(ingest());
                tokio::task::yield_now().await;
                abandoned.abort();
                self.world.settle().await;
                false
            }
        };
        if failed {
            assert_ne!(delivery.failing, Failing::Nothing);
            assert_eq!(
                self.checkpoints.snapshot(),
                checkpoint,
                "nothing has changed"
            );
        }
        self.assert_sound();
    }

    async fn deliver_the_rest(&mut self) {
        self.fail(Failing::Nothing);
        let from = self.checkpoints.snapshot().offset.0 as usize;
        let rest = self.batch(from, self.log.len());
        self.engine
            .clone()
            .ingest(rest)
            .await
            .expect("nothing fails any more");
        self.assert_sound();
        let head = Offset(self.log.len() as u64);
        assert_eq!(self.checkpoints.snapshot().offset, head);
        let snapshot = self.engine.snapshot().expect("it is loaded");
        assert_eq!(
            (snapshot.offset, json!(*snapshot.state)),
            (head, self.fold(head))
        );
    }

    fn fail(&self, failing: Failing) {
        self.checkpoints.fails_to_read.set(failing == Failing::Read);
        self.checkpoints
            .fails_to_write
            .set(failing == Failing::Write);
        self.effects.failing.set(match failing {
            Failing::Effect(place) => Some(self.log[place % self.log.len()].offset),
            _ => None,
        });
    }

    fn batch(&self, from: usize, length: usize) -> EventBatch {
        let to = (from + length).min(self.log.len());
        EventBatch {
            events: Arc::new(self.log[from..to].to_vec()),
            stream_max_offset: Offset(self.log.len() as u64),
        }
    }

    fn fold(&self, to: Offset) -> Value {
        Fold::of::<Tally>().run(&self.log, to).expect("numbers")
    }

    /// The checkpoint's state is the fold up to it, and every live event up to it had its effect; no
    /// other event ever has one.
    fn assert_sound(&self) {
        let checkpoint = self.checkpoints.snapshot();
        assert_eq!(json!(checkpoint.state), self.fold(checkpoint.offset));
        let live = self
            .log
            .iter()
            .filter(|event| event.kind == NUMBER && event.offset > self.checkpoints.anchor);
        let live: BTreeSet<Offset> = live.map(|event| event.offset).collect();
        let done: BTreeSet<Offset> = self.effects.done.borrow().iter().copied().collect();
        assert!(done.is_subset(&live), "{done:?} of {live:?}");
        let due: BTreeSet<Offset> = live.range(..=checkpoint.offset).copied().collect();
        assert!(due.is_subset(&done), "{done:?} lacks some of {due:?}");
    }
}

fn engine(checkpoints: &Rc<Flaky>, effects: &Rc<Effects>) -> Rc<Engine<Tally>> {
    let tally = Tally {
        effects: effects.clone(),
    };
    Engine::new(tally, checkpoints.clone())
}
