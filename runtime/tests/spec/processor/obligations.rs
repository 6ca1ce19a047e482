//! What a checkpointed state owes (spec §0.2): the host's alarm brings it back, in any incarnation,
//! whether or not the stream has dialed.

use crate::support::{adder::ADD, configure, run, Fate, Stream, World};
use futures_util::future::LocalBoxFuture;
use runtime::{
    call::{Arguments, CallError, ObjectName},
    event::{Event, EventInput, EventType, Offset, PayloadError},
    object::{Object, Reply},
    platform::NoteKind,
    processor::{Catalogue, Contract, EventDefinition, Processor, ProcessorHost, StreamPort, Work},
    stream::contract::{PAUSED, RESUMED},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::rc::Rc;

const PAID: EventType = EventType::of("test/paid");

static CATALOGUE: Catalogue = Catalogue {
    owner: "debtor",
    events: &[
        EventDefinition::new(ADD, "a debt"),
        EventDefinition::new(PAID, "no debt any more"),
    ],
};

static CONTRACT: Contract = Contract {
    slug: "debtor",
    version: "0.1.0",
    description: "Pays when it is reminded, and not before.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[ADD, PAID],
    emits: &[PAID],
};

struct Debtor(Rc<dyn StreamPort>);

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Debt {
    due: u64,
}

impl Processor for Debtor {
    type State = Debt;
    type Consumed = u64;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<u64, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut Debt, event: &Event, amount: &u64) {
        match event.kind == PAID {
            true => state.due -= amount,
            false => state.due += amount,
        }
    }

    fn owes(&self, state: &Debt) -> bool {
        state.due > 0
    }

    fn recover(self: &Rc<Self>, state: Rc<Debt>, _side_effects_after: Offset) -> Work {
        let stream = self.0.clone();
        Box::pin(async move {
            let paid = EventInput::new(PAID, state.due).keyed("debtor/paid");
            stream.append_batch(None, vec![paid]).await?;
            Ok(())
        })
    }
}

struct DebtorObject(Rc<ProcessorHost>);

impl Object for DebtorObject {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.0.clone().call(&method, arguments)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let host = self.0.clone();
        Box::pin(async move { host.alarm().await })
    }
}

/// A stream whose debtor has checkpointed a debt.
async fn indebted(world: &World) -> (Stream, ObjectName) {
    indebted_and(world, &[]).await
}

/// The same, and more is appended at once.
async fn indebted_and(world: &World, more: &[Value]) -> (Stream, ObjectName) {
    world.add_class("DEBTOR", |context| {
        let host = ProcessorHost::new(context);
        host.add("debtor", |dependencies| Debtor(dependencies.stream));
        Rc::new(DebtorObject(host))
    });
    let stream = world.stream("p1:/a");
    let subscription = configure("debtor", "DEBTOR", "p1:/a", "debtor");
    let debt = json!({ "type": ADD, "payload": 5 });
    stream
        .append(json!([&[subscription, debt], more].concat()))
        .await;
    world.settle().await;
    (stream, ObjectName::new("DEBTOR", "p1:/a"))
}

#[test]
fn the_alarm_stands_while_something_is_owed_and_no_longer() {
    run(|world| async move {
        let (stream, debtor) = indebted(&world).await;
        assert!(world.disk(&debtor).alarm().is_some());
        assert_eq!(stream.count(&PAID).await, 0);
        world.pass_ms(40_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
        assert_eq!(world.disk(&debtor).alarm(), None);
    });
}

#[test]
fn a_debt_outlives_both_objects() {
    run(|world| async move {
        let (stream, debtor) = indebted(&world).await;
        world.crash(&debtor);
        world.crash(&stream.name);
        world.pass_ms(40_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
    });
}

/// A stream that is awake dials nobody for being asked; what is owed needs no connection.
#[test]
fn a_debt_is_settled_by_name_if_nobody_dials() {
    run(|world| async move {
        let (stream, debtor) = indebted(&world).await;
        world.on_call(|call| match &*call.method {
            "requestStreamSubscription" => Fate::RequestLost,
            _ => Fate::Arrives,
        });
        world.crash(&debtor);
        world.pass_ms(40_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
    });
}

fn change(kind: &EventType) -> Value {
    json!({ "type": kind, "payload": {} })
}

#[test]
fn what_is_refused_for_long_is_taken_up_ever_less_often() {
    run(|world| async move {
        let (stream, _) = indebted_and(&world, &[change(&PAUSED)]).await;
        let before = world.calls("appendBatch");
        world.pass_ms(3_600_000).await;
        let tries = world.calls("appendBatch") - before;
        assert!((10..=20).contains(&tries), "{tries} tries in an hour");
        stream.append(json!([change(&RESUMED)])).await;
        world.pass_ms(250_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
    });
}

#[test]
fn who_is_dialed_is_patient_no_longer() {
    run(|world| async move {
        let (stream, debtor) = indebted_and(&world, &[change(&PAUSED)]).await;
        world.pass_ms(3_600_000).await;
        let alarm = world.disk(&debtor).alarm().expect("something is owed");
        assert!(alarm > world.now().plus_ms(15_000));
        stream.restart().await;
        stream.append(json!([change(&RESUMED)])).await;
        world.pass_ms(16_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
    });
}

#[test]
fn that_a_debt_could_not_be_settled_is_told() {
    run(|world| async move {
        let (stream, _) = indebted(&world).await;
        world.on_call(|call| match &*call.method {
            "appendBatch" => Fate::RequestLost,
            _ => Fate::Arrives,
        });
        world.pass_ms(16_000).await;
        let failures = world.notes(|kind| *kind == NoteKind::Failure);
        let told = |note: &&String| note.starts_with("debtor could not recover: connection lost");
        assert_eq!(failures.iter().filter(told).count(), 1, "{failures:?}");
        world.on_call(|_| Fate::Arrives);
        world.pass_ms(35_000).await;
        assert_eq!(stream.count(&PAID).await, 1);
    });
}
