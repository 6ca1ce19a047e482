//! Subscribing, pumps, batches and presence facts (spec §1.6, §1.11).

use crate::support::{code, configure, run, Guest, Listener, Stream, World};
use runtime::{
    call::{Arguments, CallError, Capability},
    object::Context,
    platform::Target,
    stream::contract::SUBSCRIBER_CONNECTED,
};
use serde_json::{json, Value};
use std::rc::Rc;

const KEY: &str = "listener";

/// A stream `p1:/a` with one subscriber from outside.
async fn listening(world: &World, events: usize, fields: Value) -> (Stream, Rc<Listener>) {
    let stream = world.stream("p1:/a");
    stream.append_many("test/x", events).await;
    let listener = Listener::new();
    subscribe(&listener, &stream, &world.client("listener"), fields).await;
    (stream, listener)
}

async fn subscribe(
    listener: &Rc<Listener>,
    stream: &Stream,
    client: &Context,
    mut fields: Value,
) -> Capability {
    if fields.get("subscriptionKey").is_none() {
        fields["subscriptionKey"] = json!(KEY);
    }
    let answer = listener.subscribe(stream, client, fields).await;
    answer.unwrap().capability("subscription").unwrap()
}

async fn unsubscribe(client: &Context, handle: &Capability) -> Result<(), CallError> {
    let stub = client.stub_to(Target::Capability(handle.clone()));
    stub.call("unsubscribe", Arguments::new()).await.map(drop)
}

#[test]
fn t8_a_replay_from_0_starts_at_offset_1_and_ends_with_the_own_connected_fact() {
    run(|world| async move {
        let (stream, listener) = listening(&world, 2, json!({ "replayAfterOffset": 0 })).await;
        assert_eq!(listener.offsets(), [[1, 2, 3, 4, 5]]);
        let batch = listener.last();
        let last = batch.events.last().unwrap();
        assert_eq!(last.kind, SUBSCRIBER_CONNECTED);
        let connected = json!({ "subscriptionKey": KEY, "direction": "inbound" });
        assert_eq!(last.payload.as_deref(), Some(&connected));
        assert_eq!(
            batch.state.connections_by_key[KEY].connected_at_offset,
            last.offset
        );
        assert_eq!(
            (batch.stream_max_offset, batch.state.max_offset),
            (5, last.offset)
        );
        assert_eq!((&*batch.namespace, &*batch.path), ("p1", "/a"));

        stream.append_many("test/x", 2).await;
        world.settle().await;
        assert_eq!(
            listener.all_offsets(),
            [1, 2, 3, 4, 5, 6, 7],
            "and goes on live"
        );
    });
}

#[test]
fn a_replay_starts_after_the_given_offset() {
    run(|world| async move {
        let (_, listener) = listening(&world, 3, json!({ "replayAfterOffset": 4 })).await;
        assert_eq!(listener.all_offsets(), [5, 6]);
    });
}

#[test]
fn without_an_offset_only_what_is_new_is_delivered() {
    run(|world| async move {
        let (_, listener) = listening(&world, 3, json!({})).await;
        assert_eq!(listener.offsets(), [[6]], "the own connected fact");
    });
}

#[test]
fn a_batch_has_at_most_100_events() {
    run(|world| async move {
        let (_, listener) = listening(&world, 247, json!({ "replayAfterOffset": 0 })).await;
        let sizes: Vec<usize> = listener.offsets().iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 100, 50]);
        assert_eq!(listener.all_offsets(), (1..=250).collect::<Vec<u64>>());
        let heads: Vec<u64> = listener
            .batches
            .borrow()
            .iter()
            .map(|b| b.stream_max_offset)
            .collect();
        assert_eq!(
            heads, [250; 3],
            "the head at delivery, not the end of the batch"
        );
    });
}

#[test]
fn events_appended_while_a_pump_drains_are_not_missed() {
    run(|world| async move {
        let (stream, listener) = listening(&world, 300, json!({ "replayAfterOffset": 0 })).await;
        for count in [1, 150, 2] {
            let appends = (0..3).map(|_| stream.append_many("test/y", count));
            futures_util::future::join_all(appends).await;
        }
        world.settle().await;
        let head = stream.log().await.len() as u64;
        assert_eq!(listener.all_offsets(), (1..=head).collect::<Vec<u64>>());
    });
}

#[test]
fn a_filter_takes_exact_types() {
    run(|world| async move {
        let (stream, listener) = listening(
            &world,
            2,
            json!({ "eventTypes": ["test/y"], "replayAfterOffset": 0 }),
        )
        .await;
        assert_eq!(
            listener.offsets(),
            [[0u64; 0]],
            "the initial push, though nothing fits"
        );
        stream.append_many("test/x", 1).await;
        world.settle().await;
        assert_eq!(
            listener.offsets().len(),
            1,
            "what is filtered out is not delivered"
        );
        let mixed = ["test/y", "test/yy", "test", "test/x", "test/y"];
        let mixed: Vec<Value> = mixed.iter().map(|kind| json!({ "type": kind })).collect();
        stream.append(json!(mixed)).await;
        world.settle().await;
        assert_eq!(listener.offsets()[1..], [[7, 11]]);
        assert_eq!(
            stream.runtime_state().await["runtime"]["connections"][KEY]["cursor"],
            11
        );
    });
}

#[test]
fn a_subscriber_that_is_ahead_of_the_head_gets_the_initial_push() {
    run(|world| async move {
        let (_, listener) = listening(&world, 0, json!({ "replayAfterOffset": 9 })).await;
        assert_eq!(listener.offsets(), [[0u64; 0]]);
        assert_eq!(listener.last().stream_max_offset, 3);
    });
}

#[test]
fn a_filter_with_a_wildcard_takes_everything() {
    run(|world| async move {
        let types = json!({ "eventTypes": ["test/y", "*"], "replayAfterOffset": 0 });
        let (_, listener) = listening(&world, 1, types).await;
        assert_eq!(listener.all_offsets(), [1, 2, 3, 4]);
    });
}

#[test]
fn a_filtered_replay_pushes_once_and_then_what_fits() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 150).await;
        stream.append_many("test/y", 1).await;
        let listener = Listener::new();
        let fields = json!({ "eventTypes": ["test/y"], "replayAfterOffset": 0 });
        subscribe(&listener, &stream, &world.client("listener"), fields).await;
        assert_eq!(listener.offsets(), [vec![], vec![153]]);
    });
}

#[test]
fn a_state_only_subscription_gets_states_and_coalesces() {
    run(|world| async move {
        let fields = json!({ "events": false, "replayAfterOffset": 0 });
        let (stream, listener) = listening(&world, 5, fields).await;
        assert_eq!(listener.offsets(), [[0u64; 0]], "one push");
        assert_eq!(listener.last().stream_max_offset, 8);
        let two = [
            stream.append_many("test/x", 3),
            stream.append_many("test/x", 4),
        ];
        futures_util::future::join_all(two).await;
        world.settle().await;
        assert_eq!(listener.offsets(), [[0u64; 0]; 2], "one for both appends");
        let batch = listener.last();
        assert_eq!(
            (batch.stream_max_offset, batch.state.max_offset.0),
            (15, 15)
        );
        world.pass_ms(60_000).await;
        assert_eq!(listener.offsets().len(), 2, "nothing without a change");
    });
}

#[test]
fn an_inbound_key_is_drawn_if_it_is_blank_and_trimmed_if_not() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        let mut keys = Vec::new();
        for fields in [
            json!({}),
            json!({ "subscriptionKey": " " }),
            json!({ "subscriptionKey": " k " }),
        ] {
            let answer = listener.subscribe(&stream, &client, fields).await.unwrap();
            keys.push(answer.parse::<String>("subscriptionKey").unwrap());
        }
        assert_eq!(keys[2], "k");
        assert_eq!(
            keys.iter().collect::<std::collections::BTreeSet<_>>().len(),
            3
        );
        assert!(
            keys[0].len() == 36 && keys[1].len() == 36,
            "uuids: {keys:?}"
        );
    });
}

#[test]
fn an_outbound_key_must_not_be_blank() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        *guest.subscribes.borrow_mut() = Some(json!({ "subscriptionKey": " " }));
        let stream = world.stream("p1:/a");
        stream
            .append(json!([configure("guest", "GUEST", "p1:/a", "x")]))
            .await;
        world.settle().await;
        let opened = guest.opened.borrow().clone().unwrap();
        assert_eq!(code(opened), "invalid-argument");
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 0);
    });
}

#[test]
fn malformed_arguments_open_nothing() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        for fields in [
            json!({ "replayAfterOffset": -1 }),
            json!({ "eventTypes": "test/x" }),
            json!({ "events": "no" }),
            json!({ "subscriber": { "processor": {} } }),
            json!({ "processEventBatch": "not a live capability" }),
        ] {
            let refused = listener.subscribe(&stream, &client, fields.clone()).await;
            assert_eq!(code(refused), "invalid-argument", "{fields}");
        }
        assert_eq!(stream.log().await.len(), 2);
    });
}

#[test]
fn a_second_connection_of_a_key_replaces_the_first() {
    run(|world| async move {
        let (stream, first) = listening(&world, 1, json!({})).await;
        let (second, client) = (Listener::new(), world.client("second"));
        first.forget();
        subscribe(&second, &stream, &client, json!({})).await;
        let story = [
            "subscriber-connected inbound",
            "subscriber-disconnected replaced",
            "subscriber-connected inbound",
        ];
        assert_eq!(stream.story(4).await, story);
        assert_eq!(
            second.offsets(),
            [[6]],
            "the tail begins after the goodbye of the first"
        );
        stream.append_many("test/x", 1).await;
        world.settle().await;
        assert_eq!(second.all_offsets(), [6, 7]);
        assert_eq!(first.all_offsets(), [0u64; 0], "nothing more for the first");
        let roster = stream.state().await["connectionsByKey"].take();
        assert_eq!(roster.as_object().unwrap().len(), 1);
        assert_eq!(roster[KEY]["connectedAtOffset"], 6);
    });
}

#[test]
fn unsubscribing_closes_once() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        let handle = subscribe(&listener, &stream, &client, json!({})).await;
        listener.forget();
        unsubscribe(&client, &handle).await.unwrap();
        let again = unsubscribe(&client, &handle).await;
        assert!(matches!(again, Err(CallError::Broken(_))));
        stream.append_many("test/x", 1).await;
        world.crash(client.name());
        world.settle().await;
        let story = [
            "subscriber-connected inbound",
            "subscriber-disconnected unsubscribed",
            "x",
        ];
        assert_eq!(stream.story(3).await, story);
        assert_eq!(listener.offsets().len(), 0);
    });
}

#[test]
fn the_handle_of_a_replaced_connection_closes_nothing() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        let old = subscribe(&listener, &stream, &client, json!({})).await;
        subscribe(&listener, &stream, &client, json!({})).await;
        assert!(unsubscribe(&client, &old).await.is_err());
        let roster = stream.state().await["connectionsByKey"].take();
        assert_eq!(roster[KEY]["connectedAtOffset"], 5);
    });
}

#[test]
fn a_handle_has_no_other_method() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        let handle = subscribe(&listener, &stream, &client, json!({})).await;
        let stub = client.stub_to(Target::Capability(handle));
        let refused = stub.call("appendBatch", Arguments::new()).await;
        assert!(matches!(refused, Err(CallError::Unresolved(_))));
    });
}

#[test]
fn an_inbound_subscriber_that_refuses_batches_stays_connected() {
    run(|world| async move {
        let (stream, listener) = listening(&world, 0, json!({})).await;
        listener.refusals.set(2);
        listener.forget();
        for _ in 0..3 {
            stream.append_many("test/x", 1).await;
            world.settle().await;
        }
        assert_eq!(listener.all_offsets(), [6]);
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 1);
    });
}

#[test]
fn an_inbound_subscriber_that_dies_is_disconnected() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let (listener, client) = (Listener::new(), world.client("listener"));
        subscribe(&listener, &stream, &client, json!({})).await;
        world.crash(client.name());
        world.settle().await;
        let story = [
            "subscriber-connected inbound",
            "subscriber-disconnected rpc-broken",
        ];
        assert_eq!(stream.story(3).await, story);
    });
}

#[test]
fn the_presence_of_others_is_delivered_like_any_event() {
    run(|world| async move {
        let (stream, listener) = listening(&world, 0, json!({})).await;
        let (other, client) = (Listener::new(), world.client("other"));
        let subscriber =
            json!({ "subscriptionKey": "other", "subscriber": { "description": "d" } });
        subscribe(&other, &stream, &client, subscriber).await;
        assert_eq!(listener.offsets(), [[3], [4]]);
        let payload = listener.last().events[0].payload.clone().unwrap();
        assert_eq!(payload["subscriber"], json!({ "description": "d" }));
        assert_eq!(other.offsets(), [[4]]);
    });
}
