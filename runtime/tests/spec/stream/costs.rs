//! What an event costs does not depend on the length of its stream (design §13), counted in rows.

use crate::support::{
    adder::{add, connected_adder},
    disk::Disk,
    run, Listener, Stream,
};
use serde_json::{json, Value};
use std::{cell::Cell, future::Future, rc::Rc};

const SHORT: usize = 100;
const LONG: usize = 3_000;
const EVENTS: u64 = 20;

/// Rows read and written, for each of so many events.
async fn rows_per_event(disk: &Disk, events: u64, work: impl Future<Output = ()>) -> [f64; 2] {
    let count = || [disk.read.get(), disk.written.get()];
    let before = count();
    work.await;
    let after = count();
    [0, 1].map(|kind| (after[kind] - before[kind]) as f64 / events as f64)
}

/// The same work costs the same, within a half, in a short and in a long stream.
fn is_flat<F: Future<Output = [f64; 2]>>(
    work: impl Fn(crate::support::World, usize) -> F + Clone + 'static,
) {
    let cost = |length: usize| {
        let (cost, work) = (Rc::new(Cell::new([0.0; 2])), work.clone());
        let given = cost.clone();
        run(move |world| async move { given.set(work(world, length).await) });
        cost.get()
    };
    let (short, long) = (cost(SHORT), cost(LONG));
    assert!(short[0] + short[1] > 0.0, "it costs something");
    for kind in [0, 1] {
        assert!(long[kind] <= short[kind] * 1.5, "{long:?}, and {short:?}");
    }
}

async fn append_singly(stream: &Stream, event: Value) {
    for _ in 0..EVENTS {
        stream.append(json!([event])).await;
        stream.world.settle().await;
    }
}

#[test]
fn appending_costs_the_same_in_every_stream() {
    is_flat(|world, length| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", length).await;
        let disk = world.disk(&stream.name);
        let event = json!({ "type": "test/x" });
        rows_per_event(&disk, EVENTS, append_singly(&stream, event)).await
    });
}

#[test]
fn appending_with_a_key_costs_the_same_in_every_stream() {
    is_flat(|world, length| async move {
        let stream = world.stream("p1:/a");
        stream
            .append(json!([{ "type": "test/x", "idempotencyKey": "k" }]))
            .await;
        stream.append_many("test/x", length).await;
        let disk = world.disk(&stream.name);
        let known = json!({ "type": "test/x", "idempotencyKey": "k" });
        rows_per_event(&disk, EVENTS, append_singly(&stream, known)).await
    });
}

#[test]
fn replaying_costs_the_same_for_each_event() {
    is_flat(|world, length| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", length).await;
        stream.restart().await;
        let (disk, listener) = (world.disk(&stream.name), Listener::new());
        let from_the_start = json!({ "replayAfterOffset": 0 });
        let client = world.client("listener");
        let replay = async {
            let subscribed = listener.subscribe(&stream, &client, from_the_start).await;
            subscribed.expect("it is taken");
        };
        let rows = rows_per_event(&disk, length as u64, replay).await;
        assert!(listener.all_offsets().len() > length);
        rows
    });
}

#[test]
fn live_delivery_and_the_append_that_follows_cost_the_same_in_every_stream() {
    is_flat(|world, length| async move {
        let (stream, _) = connected_adder(&world).await;
        stream.append_many("test/x", length).await;
        world.settle().await;
        let disk = world.disk(&stream.name);
        rows_per_event(&disk, EVENTS, append_singly(&stream, add(1))).await
    });
}

#[test]
fn a_checkpoint_costs_the_same_in_every_stream() {
    is_flat(|world, length| async move {
        let (stream, adder) = connected_adder(&world).await;
        stream.append_many("test/x", length).await;
        world.settle().await;
        let disk = world.disk(&adder.name);
        rows_per_event(&disk, EVENTS, append_singly(&stream, add(1))).await
    });
}
