//! The rules of appending (spec §1.2, §1.5).

use crate::support::{run, Listener, Stream};
use runtime::call::CallError;
use serde_json::{json, Value};

fn event(kind: &str) -> Value {
    json!({ "type": kind })
}

fn keyed(key: &str, payload: u64) -> Value {
    json!({ "type": "test/keyed", "payload": payload, "idempotencyKey": key })
}

fn at(offset: u64) -> Value {
    json!({ "type": "test/x", "offset": offset })
}

fn paused() -> Value {
    json!({ "type": "events.iterate.com/stream/paused", "payload": { "reason": "tea" } })
}

fn resumed() -> Value {
    json!({ "type": "events.iterate.com/stream/resumed", "payload": {} })
}

/// The refusal of a batch, which leaves no trace.
async fn refusal(stream: &Stream, events: Value) -> CallError {
    stream.runtime_state().await;
    let before = (
        stream.world.disk(&stream.name).transactions(),
        stream.runtime_state().await,
    );
    let refused = stream.try_append(events).await;
    let after = (
        stream.world.disk(&stream.name).transactions(),
        stream.runtime_state().await,
    );
    assert_eq!(before, after, "a refused batch writes nothing");
    refused.expect_err("the batch is refused")
}

#[test]
fn t8_offsets_are_dense_across_batches() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let two = json!([event("test/x"), event("test/y")]);
        assert_eq!(stream.append(two.clone()).await, [3, 4]);
        assert_eq!(stream.append(two).await, [5, 6]);
        let one = stream
            .ask("append", json!({ "event": event("test/x") }))
            .await;
        assert_eq!(one.unwrap()["offset"], 7);
    });
}

#[test]
fn a_batch_is_one_transaction_of_rows_and_state() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.runtime_state().await;
        let before = world.disk(&stream.name).transactions().len();
        stream.append(json!([keyed("k", 1), event("test/x")])).await;
        let transactions = world.disk(&stream.name).transactions();
        let row = ["events", "event_chunks"];
        let expected = [vec!["event_keys"], row.to_vec(), row.to_vec(), vec!["kv"]].concat();
        assert_eq!(transactions[before..], [expected]);
    });
}

#[test]
fn an_empty_batch_writes_nothing() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        assert_eq!(stream.append(json!([])).await, [0u64; 0]);
        assert_eq!(stream.log().await.len(), 2);
    });
}

#[test]
fn t7_a_repeated_key_returns_the_first_event_with_its_first_payload() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let first = stream.try_append(json!([keyed("k", 1)])).await.unwrap();
        let again = stream.try_append(json!([keyed(" k ", 2)])).await.unwrap();
        assert_eq!(again, first);
        stream.restart().await;
        let again = stream.try_append(json!([keyed("k", 3)])).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(stream.log().await.len(), 4);
    });
}

#[test]
fn the_result_is_aligned_with_the_input_also_among_hits() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([keyed("old", 1)])).await;
        let mixed = json!([
            event("test/x"),
            keyed("old", 2),
            keyed("new", 3),
            keyed("new", 4)
        ]);
        assert_eq!(stream.append(mixed).await, [4, 3, 5, 5]);
    });
}

#[test]
fn a_batch_of_hits_writes_nothing_and_wakes_nobody() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([keyed("k", 1)])).await;
        let listener = Listener::new();
        let client = world.client("listener");
        listener
            .subscribe(&stream, &client, json!({}))
            .await
            .unwrap();
        listener.forget();
        let before = world.disk(&stream.name).transactions();
        assert_eq!(stream.append(json!([keyed("k", 2)])).await, [3]);
        world.settle().await;
        assert_eq!(world.disk(&stream.name).transactions(), before);
        assert_eq!(listener.offsets().len(), 0);
    });
}

#[test]
fn t7_a_hit_with_another_offset_is_a_conflict() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let with_offset = |offset: u64| {
            let mut event = keyed("k", 1);
            event["offset"] = json!(offset);
            json!([event])
        };
        assert_eq!(stream.append(with_offset(3)).await, [3]);
        assert_eq!(stream.append(with_offset(3)).await, [3]);
        let error = refusal(&stream, with_offset(4)).await;
        assert_eq!(error.code(), Some("key-conflict"));
        assert_eq!(error.to_string(), "idempotency hit at offset 3, got 4");
    });
}

#[test]
fn an_offset_is_a_precondition() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        assert_eq!(stream.append(json!([at(3), at(4)])).await, [3, 4]);
        let error = refusal(&stream, json!([event("test/x"), at(5)])).await;
        assert_eq!(error.code(), Some("offset-conflict"));
        assert_eq!(error.to_string(), "expected offset 5, got 6");
    });
}

#[test]
fn one_bad_event_refuses_the_whole_batch() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let malformed = json!({ "type": "test/x", "x": 1 });
        let misfit = json!({ "type": "events.iterate.com/stream/woken", "payload": {} });
        for bad in [at(9), malformed, misfit] {
            let batch = json!([keyed("k", 1), bad, event("test/x")]);
            refusal(&stream, batch).await;
        }
        let found = stream
            .ask("getEvent", json!({ "idempotencyKey": "k" }))
            .await;
        assert_eq!(found, Ok(Value::Null));
        assert_eq!(stream.append(json!([keyed("k", 2)])).await, [3]);
    });
}

#[test]
fn a_stream_is_created_once_at_offset_1() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let created = json!({
            "type": "events.iterate.com/stream/created",
            "payload": { "namespace": "p1", "path": "/a" },
        });
        let error = refusal(&stream, json!([created])).await;
        assert_eq!(error.code(), Some("invalid-event"));
        assert!(error
            .to_string()
            .contains("only legal at offset 1, not at 3"));
    });
}

#[test]
fn a_hit_skips_the_reducer() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([keyed("k", 1)])).await;
        let misfit = json!({
            "type": "events.iterate.com/stream/woken",
            "payload": "not a payload of woken",
            "idempotencyKey": "k",
        });
        assert_eq!(stream.append(json!([misfit])).await, [3]);
    });
}

#[test]
fn a_paused_stream_takes_only_what_it_must() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([keyed("k", 1), paused()])).await;
        for refused in [event("test/x"), paused()] {
            let error = refusal(&stream, json!([refused])).await;
            assert_eq!(error.code(), Some("stream-paused"));
            assert_eq!(error.to_string(), "stream paused: tea");
        }
        let error = json!({
            "type": "events.iterate.com/stream/error-occurred",
            "payload": { "message": "m" },
        });
        assert_eq!(stream.append(json!([error, keyed("k", 2)])).await, [5, 3]);
        let two = json!([resumed(), event("test/x")]);
        assert_eq!(stream.append(two).await, [6, 7]);
    });
}

#[test]
fn a_pause_without_a_reason_says_so() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let paused = json!({ "type": "events.iterate.com/stream/paused", "payload": {} });
        stream.append(json!([paused])).await;
        let error = refusal(&stream, json!([event("test/x")])).await;
        assert_eq!(error.to_string(), "stream paused: unknown reason");
    });
}

#[test]
fn the_gate_sees_the_state_within_the_batch() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let error = refusal(&stream, json!([paused(), event("test/x")])).await;
        assert_eq!(error.code(), Some("stream-paused"));
        let through = json!([paused(), resumed(), event("test/x")]);
        assert_eq!(stream.append(through).await, [3, 4, 5]);
    });
}

#[test]
fn a_paused_stream_wakes_and_connects() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([paused()])).await;
        stream.restart().await;
        let listener = Listener::new();
        let client = world.client("listener");
        listener
            .subscribe(&stream, &client, json!({}))
            .await
            .unwrap();
        world.crash(client.name());
        world.settle().await;
        let expected = [
            "paused tea",
            "woken",
            "subscriber-connected inbound",
            "subscriber-disconnected rpc-broken",
        ];
        assert_eq!(stream.story(3).await, expected);
    });
}

/// T5: the wall clock is not monotonic, and neither are creation times.
#[test]
fn a_clock_that_runs_backwards_does_not_disturb_offsets() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let before = stream.try_append(json!([event("test/x")])).await.unwrap();
        world.jump_clock_ms(-60_000);
        let after = stream.try_append(json!([event("test/x")])).await.unwrap();
        assert!(after[0].created_at < before[0].created_at);
        assert_eq!(after[0].offset, before[0].offset.next());
    });
}
