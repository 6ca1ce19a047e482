//! What can be called, and the reading methods (spec §1.13; B-23).

use crate::support::{code, configure, run, Guest, Listener, Stream};
use runtime::call::{Arguments, CallError};
use serde_json::{json, Value};

#[test]
fn t3_every_other_method_is_refused() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        for method in [
            "subscribeOutbound",
            "setState",
            "writeState",
            "state",
            "reconcile",
            "alarm",
            "fetch",
            "constructor",
            "appendLocal",
            "",
        ] {
            let refused = stream.call(method, Arguments::new()).await;
            assert!(matches!(refused, Err(CallError::Unresolved(_))), "{method}");
        }
        assert_eq!(stream.log().await.len(), 2);
    });
}

/// Handshakes hand over the internal target, which has one method more.
#[test]
fn subscribe_outbound_is_for_those_who_were_dialed() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        let stream = world.stream("p1:/a");
        stream
            .append(json!([configure("guest", "GUEST", "p1:/a", "x")]))
            .await;
        world.settle().await;
        assert!(matches!(*guest.opened.borrow(), Some(Ok(_))));
    });
}

async fn reading(stream: &Stream, fields: Value) -> Result<Vec<u64>, CallError> {
    let events = stream.ask("getEvents", fields).await?;
    let events = events.as_array().expect("a list").iter();
    Ok(events
        .map(|event| event["offset"].as_u64().unwrap())
        .collect())
}

#[test]
fn t8_get_events_reads_between_two_offsets() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 4).await;
        for (fields, expected) in [
            (json!({}), vec![1, 2, 3, 4, 5, 6]),
            (json!({ "afterOffset": 2 }), vec![3, 4, 5, 6]),
            (json!({ "beforeOffset": 3 }), vec![1, 2]),
            (json!({ "afterOffset": 2, "beforeOffset": 5 }), vec![3, 4]),
            (
                json!({ "afterOffset": 2, "beforeOffset": null }),
                vec![3, 4, 5, 6],
            ),
            (json!({ "afterOffset": 1, "limit": 2 }), vec![2, 3]),
            (json!({ "afterOffset": 6 }), vec![]),
            (json!({ "afterOffset": 99 }), vec![]),
            (json!({ "afterOffset": u64::MAX }), vec![]),
            (json!({ "afterOffset": 3, "beforeOffset": 4 }), vec![]),
            (json!({ "beforeOffset": 0 }), vec![]),
        ] {
            assert_eq!(
                reading(&stream, fields.clone()).await.unwrap(),
                expected,
                "{fields}"
            );
        }
    });
}

#[test]
fn a_limit_is_a_positive_whole_number() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        for limit in [json!(0), json!(-1), json!(1.5), json!("2")] {
            let refused = reading(&stream, json!({ "limit": limit })).await;
            assert_eq!(code(refused), "invalid-argument", "{limit}");
        }
    });
}

#[test]
fn get_event_by_offset_throws_if_there_is_none() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let event = stream
            .ask("getEvent", json!({ "offset": 2 }))
            .await
            .unwrap();
        assert_eq!(event, json!(stream.log().await[1]));
        for offset in [0, 3, u64::MAX] {
            let refused = stream.ask("getEvent", json!({ "offset": offset })).await;
            assert_eq!(code(refused), "no-event");
        }
    });
}

#[test]
fn get_event_by_key_gives_nothing_if_there_is_none() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream
            .append(json!([{ "type": "test/x", "idempotencyKey": "k" }]))
            .await;
        let by_key = |key: &str| stream.ask("getEvent", json!({ "idempotencyKey": key }));
        assert_eq!(by_key("k").await.unwrap()["offset"], 3);
        assert_eq!(by_key("other").await, Ok(Value::Null));
        assert_eq!(code(by_key(" ").await), "invalid-argument");
        assert_eq!(
            code(stream.ask("getEvent", json!({})).await),
            "invalid-argument"
        );
    });
}

#[test]
fn runtime_state_describes_the_connections() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let listener = Listener::new();
        let client = world.client("listener");
        let key = json!({ "subscriptionKey": "k", "replayAfterOffset": 0 });
        listener.subscribe(&stream, &client, key).await.unwrap();
        stream.append_many("test/x", 2).await;
        world.settle().await;
        let runtime = stream.runtime_state().await["runtime"].take();
        let connection = &runtime["connections"]["k"];
        assert_eq!(connection["direction"], "inbound");
        assert_eq!(connection["cursor"], 5);
        assert_eq!(connection["batchesSent"], 2);
        assert_eq!(connection["eventsSent"], 5);
        assert!(connection["startedAt"].is_string());
        assert!(connection["lastDeliveredAt"].is_string());
        assert_eq!(connection.as_object().unwrap().len(), 6);
    });
}

#[test]
fn a_connection_that_delivered_nothing_yet_has_no_time_of_it() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let callback = Listener::new().callback(&world.client("listener"));
        let callback = runtime::call::Argument::Capability(callback);
        let arguments = Arguments::new()
            .json("subscriptionKey", "k")
            .with("processEventBatch", callback);
        let subscribed = stream.call("subscribe", arguments);
        let state = stream.ask("runtimeState", json!({}));
        let (_, state) = futures_util::future::join(subscribed, state).await;
        let connection = state.unwrap()["runtime"]["connections"]["k"].take();
        assert_eq!(
            connection["batchesSent"], 0,
            "it is asked before the first push"
        );
        assert_eq!(connection.get("lastDeliveredAt"), None);
    });
}

#[test]
fn reduce_is_pure() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let before = stream.state().await;
        let event = json!({
            "type": "events.iterate.com/stream/paused",
            "payload": { "reason": "tea" },
            "offset": 3,
            "createdAt": "2026-02-26T20:17:38.963Z",
        });
        let reduced = stream
            .ask("reduce", json!({ "event": event }))
            .await
            .unwrap();
        assert_eq!(reduced["paused"], true);
        assert_eq!(reduced["maxOffset"], 3);
        assert_eq!(stream.state().await, before);

        let mut given = before.clone();
        given["path"] = json!("/elsewhere");
        let from = json!({ "event": event, "coreProcessorState": given });
        let reduced = stream.ask("reduce", from).await.unwrap();
        assert_eq!(reduced["path"], "/elsewhere");

        let mut misfit = event.clone();
        misfit["payload"] = json!("x");
        let refused = stream.ask("reduce", json!({ "event": misfit })).await;
        assert_eq!(code(refused), "invalid-argument");
    });
}

#[test]
fn kill_ends_the_incarnation_and_nothing_else() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 1).await;
        let killed = stream.ask("kill", json!({})).await;
        assert!(
            killed.unwrap_err().is_transient(),
            "nobody is left to answer"
        );
        assert_eq!(stream.story(1).await, ["created", "woken", "x", "woken"]);
    });
}

#[test]
fn reset_begins_a_new_stream_under_the_same_name() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let keyed = json!([{ "type": "test/x", "idempotencyKey": "k" }]);
        stream.append(keyed.clone()).await;
        let reset = stream.ask("reset", json!({})).await;
        assert!(
            reset.unwrap_err().is_transient(),
            "nobody is left to answer"
        );
        assert_eq!(stream.story(1).await, ["created", "woken"]);
        assert_eq!(stream.append(keyed).await, [3], "keys are forgotten too");
    });
}

/// What arrives while the deletion is on its way to the disk must not be appended to an empty log.
#[test]
fn nothing_is_appended_between_reset_and_the_end() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 3).await;
        world.disk(&stream.name).flush_ms.set(50);
        let reset = stream.ask("reset", json!({}));
        let late = stream.try_append(json!([{ "type": "test/late" }]));
        let (_, late) = futures_util::future::join(reset, late).await;
        world.pass_ms(200).await;
        let log = stream.log().await;
        let offsets: Vec<u64> = log.iter().map(|event| event.offset.0).collect();
        assert_eq!(offsets, (1..=log.len() as u64).collect::<Vec<_>>());
        let is_kept = late.is_ok_and(|appended| log.contains(&appended[0]));
        assert!(
            !is_kept,
            "it came after the reset, to the incarnation that ended"
        );
    });
}
