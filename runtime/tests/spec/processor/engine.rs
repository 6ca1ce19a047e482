//! `ingest` (spec §2.3–2.5): the cases of §7.1, by number.

use crate::support::run;
use futures_util::future::LocalBoxFuture;
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
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
    sync::Arc,
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

    fn write(&self, _offset: Offset, json: String, _owes: bool) -> Result<(), String> {
        if take_one(&self.failing_writes) {
            return Err("unwritable".to_owned());
        }
        self.writes.set(self.writes.get() + 1);
        *self.stored.borrow_mut() = Some(json);
        Ok(())
    }

    fn discard(&self) -> Result<(), String> {
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
    let events = events.iter().map(|(offset, payload)| {
        let kind = if payload.is_object() {
            "test/other"
        } else {
            "test/add"
        };
        let event = json!({
            "type": kind,
            "payload": payload,
            "offset": offset,
            "createdAt": "2026-02-26T20:17:38.963Z",
        });
        Arc::new(serde_json::from_value::<Event>(event).unwrap())
    });
    EventBatch {
        events: Arc::new(events.collect()),
        stream_max_offset: Offset(99),
    }
}

fn other() -> Value {
    json!({})
}

fn failed() -> Result<(), ProcessorError> {
    Err(ProcessorError::Failed("told to".to_owned()))
}

#[test]
fn case_1_a_batch_reduces_in_order_and_writes_one_snapshot() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5)), (4, json!(7))]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 12, "others": 0 } });
        assert_eq!(bench.stored(), expected);
        assert_eq!(bench.checkpoints.writes.get(), 1);
    });
}

#[test]
fn case_2_it_resumes_from_the_stored_state_and_fills_defaults() {
    run(|_| async move {
        let stored = RefCell::new(Some(r#"{"offset":4,"state":{"sum":12}}"#.to_owned()));
        let recorded = Recorded {
            stored,
            ..Recorded::default()
        };
        let bench: Bench = Bench::with(recorded, |_, _| {});
        bench.ingest(&[(4, json!(7)), (5, json!(1))]).await.unwrap();
        let expected = json!({ "offset": 5, "state": { "sum": 13, "others": 0 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_3_a_replayed_batch_writes_nothing_and_calls_no_hook() {
    run(|_| async move {
        let bench = Bench::new();
        let events = [(3, json!(5)), (4, other())];
        bench.ingest(&events).await.unwrap();
        bench.story();
        bench.ingest(&events).await.unwrap();
        bench.ingest(&[]).await.unwrap();
        assert_eq!(bench.story(), [""; 0]);
        assert_eq!(bench.checkpoints.writes.get(), 1);
    });
}

#[test]
fn case_4_unconsumed_events_advance_the_checkpoint_only() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, other()), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 0, "others": 0 } });
        assert_eq!(bench.stored(), expected);
        assert_eq!(bench.story(), ["batch []: 0 → 0"]);
    });
}

#[test]
fn case_5_each_event_is_processed_with_its_own_states() {
    run(|_| async move {
        let bench = Bench::new();
        bench
            .ingest(&[(3, json!(5)), (4, other()), (5, json!(7)), (6, other())])
            .await
            .unwrap();
        let expected = [
            "event 3: 0 → 5, checkpoint 6, head 99",
            "event 5: 5 → 12, checkpoint 6, head 99",
            "batch [3, 5]: 0 → 12",
        ];
        assert_eq!(bench.story(), expected);
    });
}

#[test]
fn case_6_the_batch_hook_sees_new_events_only() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        bench.story();
        bench.ingest(&[(3, json!(5)), (4, json!(7))]).await.unwrap();
        assert_eq!(bench.story().last().unwrap(), "batch [4]: 5 → 12");
    });
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

#[test]
fn case_7_a_later_batch_waits_for_the_former() {
    run(|world| async move {
        let (bench, go) = waiting();
        let first = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let second = bench.engine.clone().ingest(batch(&[(4, json!(7))]));
        let (first, second) = (
            tokio::task::spawn_local(first),
            tokio::task::spawn_local(second),
        );
        world.settle().await;
        assert_eq!(bench.story().len(), 2, "the hooks of the first batch only");
        go.notify_one();
        first.await.unwrap().unwrap();
        world.settle().await;
        assert_eq!(bench.story()[0], "event 4: 5 → 12, checkpoint 4, head 99");
        go.notify_one();
        second.await.unwrap().unwrap();
        assert_eq!(bench.sum(), 12);
    });
}

#[test]
fn case_8_a_failed_batch_changes_nothing_and_is_redelivered() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        let misfit = [(4, json!(7)), (5, json!("seven"))];
        let queued = bench.ingest(&misfit);
        let good = [(4, json!(1))];
        let next = bench.ingest(&good);
        let (failed, next) = futures_util::future::join(queued, next).await;
        assert!(matches!(failed, Err(ProcessorError::Payload(_))));
        next.expect("the queue goes on");
        assert_eq!(bench.sum(), 6, "from the old state");
        assert_eq!(bench.stored()["offset"], 4);
    });
}

#[test]
fn case_9_blocking_work_holds_the_checkpoint() {
    run(|world| async move {
        let (bench, go) = waiting();
        let ingesting = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let ingesting = tokio::task::spawn_local(ingesting);
        world.settle().await;
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        go.notify_one();
        ingesting.await.unwrap().unwrap();
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
    });
}

#[test]
fn case_10_failed_blocking_work_fails_the_batch() {
    run(|_| async move {
        let is_first = Cell::new(true);
        let bench = Bench::hooked(move |_, hook| {
            let is_first = is_first.replace(false);
            hook.block(async move {
                if is_first {
                    failed()
                } else {
                    Ok(())
                }
            });
        });
        assert!(bench.ingest(&[(3, json!(5))]).await.is_err());
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!(bench.sum(), 5);
    });
}

#[test]
fn case_11_a_batch_that_failed_settles_when_all_its_blockers_did() {
    run(|world| async move {
        let go: Rc<Notify> = Rc::default();
        let given = go.clone();
        let bench = Bench::hooked(move |reduced, hook| {
            let (is_slow, go) = (reduced.event.offset == Offset(3), given.clone());
            hook.block(async move {
                if is_slow {
                    go.notified().await;
                }
                failed()
            });
        });
        let ingesting = bench
            .engine
            .clone()
            .ingest(batch(&[(3, json!(5)), (4, json!(7))]));
        let ingesting = tokio::task::spawn_local(ingesting);
        world.settle().await;
        assert!(
            !ingesting.is_finished(),
            "the failure of the second waits for the first"
        );
        go.notify_one();
        assert!(ingesting.await.unwrap().is_err());
    });
}

#[test]
fn case_12_a_background_failure_is_only_logged() {
    run(|world| async move {
        let bench = Bench::hooked(|_, hook| hook.background("tea", async { failed() }));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        world.settle().await;
        assert_eq!(bench.stored()["offset"], 3);
        assert_eq!(*bench.checkpoints.failures.borrow(), ["tea: told to"]);
    });
}

#[test]
fn case_13_both_kinds_of_work_are_kept_alive() {
    run(|_| async move {
        let bench = Bench::hooked(|_, hook| {
            hook.block(async { Ok(()) });
            hook.background("for ever", std::future::pending());
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        let kept_alive = bench.checkpoints.kept_alive.take();
        assert_eq!(kept_alive, ["for ever", "blocking work"]);
        assert_eq!(bench.stored()["offset"], 3, "only one of them holds it");
        bench.ingest(&[(4, other())]).await.unwrap();
        let kept_alive = bench.checkpoints.kept_alive.take();
        assert_eq!(kept_alive, [""; 0], "nothing was begun");
    });
}

#[test]
fn case_13_a_batch_goes_on_when_nobody_waits_for_it_any_more() {
    run(|world| async move {
        let (bench, go) = waiting();
        let abandoned = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let abandoned = tokio::task::spawn_local(abandoned);
        world.settle().await;
        abandoned.abort();
        let next = bench.engine.clone().ingest(batch(&[(4, json!(7))]));
        let next = tokio::task::spawn_local(next);
        world.settle().await;
        assert_eq!(bench.story().len(), 2, "the next batch still waits");
        go.notify_one();
        world.settle().await;
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
        go.notify_one();
        next.await.unwrap().unwrap();
        assert_eq!(bench.sum(), 12);
    });
}

#[test]
fn a_batch_that_nobody_waits_for_yet_has_not_begun() {
    run(|world| async move {
        let bench = Bench::new();
        drop(bench.engine.clone().ingest(batch(&[(3, json!(5))])));
        world.settle().await;
        assert_eq!((bench.story(), bench.stored()), (vec![], Value::Null));
    });
}

/// Background work starts after the batch's own turn, blocking work in it.
#[test]
fn blocking_work_begins_before_background_work_and_the_checkpoint_follows() {
    run(|world| async move {
        let order: Story = Rc::default();
        let given = order.clone();
        let bench = Bench::hooked(move |_, hook| {
            let say = |what: &str| {
                let (order, what) = (given.clone(), what.to_owned());
                async move {
                    order.borrow_mut().push(what);
                    Ok(())
                }
            };
            hook.background("tea", say("background"));
            hook.block(say("first"));
            hook.block(say("second"));
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        order
            .borrow_mut()
            .push(bench.stored()["offset"].to_string());
        world.settle().await;
        assert_eq!(*order.borrow(), ["first", "second", "3", "background"]);
    });
}

#[test]
fn case_14_a_failed_read_fails_that_batch_and_is_repeated_by_the_next() {
    run(|_| async move {
        let bench = Bench::new();
        bench.checkpoints.failing_reads.set(1);
        let failed = bench.ingest(&[(3, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Checkpoint(_))));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!(bench.sum(), 5);
    });
}

#[test]
fn a_stored_state_that_does_not_parse_rejects_the_caller() {
    run(|_| async move {
        let bench = Bench::new();
        *bench.checkpoints.stored.borrow_mut() =
            Some(r#"{"offset":4,"state":{"sum":"x"}}"#.to_owned());
        let failed = bench.ingest(&[(5, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Checkpoint(_))));
        assert!(bench.engine.snapshot().is_err());
    });
}

#[test]
fn case_15_without_storage_the_snapshot_is_in_memory() {
    run(|_| async move {
        let probe = || Probe::<NAMED> {
            story: Story::default(),
            on_event: Box::new(|_, hook| hook.background("tea", async { failed() })),
        };
        let memory = Rc::new(MemoryCheckpoints::default());
        let engine = Engine::new(probe(), memory.clone());
        engine.ingest(batch(&[(3, json!(5))])).await.unwrap();
        memory.run_background().await;
        assert_eq!(memory.failures(), ["tea: told to"]);
        let resumed = Engine::new(probe(), memory).snapshot().unwrap();
        assert_eq!((resumed.offset, resumed.state.sum), (Offset(3), 5));
    });
}

#[test]
fn case_16_a_mixed_wildcard_checks_named_events_and_takes_others_raw() {
    run(|_| async move {
        let bench: Bench<MIXED> = Bench::with(Recorded::default(), |_, _| {});
        bench.ingest(&[(3, json!(5)), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 5, "others": 1 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_16_a_pure_wildcard_takes_every_event() {
    run(|_| async move {
        let bench: Bench<PURE> = Bench::with(Recorded::default(), |_, _| {});
        bench.ingest(&[(3, json!(5)), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 5, "others": 1 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_17_a_misfit_payload_of_a_named_type_rejects_the_batch() {
    run(|_| async move {
        let misfit = [(3, json!(5)), (4, json!("five"))];
        let named = Bench::new();
        let error = named.ingest(&misfit).await.unwrap_err().to_string();
        assert!(
            error.starts_with("payload of test/add at offset 4"),
            "{error}"
        );
        assert_eq!((named.stored(), named.story()), (Value::Null, vec![]));
        let mixed: Bench<MIXED> = Bench::with(Recorded::default(), |_, _| {});
        assert!(mixed.ingest(&misfit).await.is_err());
    });
}

/// As far as Rust has it: what hooks see is of the types that the processor named.
#[test]
fn case_18_hooks_are_typed_by_their_processor() {
    run(|_| async move {
        let bench = Bench::hooked(|reduced, hook| {
            let consumed: Option<u64> = reduced.consumed;
            let of_event: [&Rc<Sum>; 2] = [&reduced.previous_state, &reduced.state];
            let of_batch: [&Rc<Sum>; 2] = [&hook.previous_state, &hook.state];
            assert_eq!((consumed, of_event), (Some(5), of_batch));
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
    });
}

#[test]
fn case_19_events_up_to_the_anchor_are_reduced_without_effects() {
    run(|_| async move {
        let recorded = Recorded {
            anchor: Offset(4),
            ..Recorded::default()
        };
        let bench: Bench = Bench::with(recorded, |_, _| {});
        bench
            .ingest(&[(3, json!(5)), (4, json!(7)), (5, json!(1))])
            .await
            .unwrap();
        let expected = [
            "event 5: 12 → 13, checkpoint 5, head 99",
            "batch [5]: 0 → 13",
        ];
        assert_eq!(bench.story(), expected);
        assert_eq!(bench.sum(), 13);
    });
}

/// C2 of the catalogue: memory never runs ahead of the disk.
#[test]
fn t2_a_failed_write_fails_the_batch_and_redelivery_writes_it() {
    run(|_| async move {
        let bench = Bench::new();
        bench.checkpoints.failing_writes.set(1);
        let failed = bench.ingest(&[(3, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Checkpoint(_))));
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
    });
}
