//! The core reducer, event type by event type (spec §1.4).

use crate::support::{code, configure, run, Stream};
use serde_json::{json, Value};

fn core(kind: &str, payload: Value) -> Value {
    json!({ "type": format!("events.iterate.com/stream/{kind}"), "payload": payload })
}

async fn after(stream: &Stream, kind: &str, payload: Value) -> Value {
    stream.append(json!([core(kind, payload)])).await;
    stream.state().await
}

/// These payloads are refused.
fn refuses(kind: &'static str, payloads: impl IntoIterator<Item = Value> + 'static) {
    run(move |world| async move {
        let stream = world.stream("p1:/a");
        for payload in payloads {
            let refused = stream
                .try_append(json!([core(kind, payload.clone())]))
                .await;
            assert_eq!(code(refused), "invalid-event", "{payload}");
        }
    });
}

#[test]
fn a_fresh_stream_has_the_initial_values() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let state = stream.state().await;
        let log = stream.log().await;
        let expected = json!({
            "namespace": "p1",
            "path": "/a",
            "createdAt": log[0].created_at,
            "incarnationId": log[1].payload.as_ref().unwrap()["incarnationId"],
            "metadata": {},
            "config": { "simulatedStorageSyncDelayMs": 0 },
            "eventCount": 2,
            "maxOffset": 2,
            "childPaths": [],
            "paused": false,
            "pauseReason": null,
            "processorsBySlug": {},
            "subscriptionsByKey": {},
            "connectionsByKey": {},
        });
        assert_eq!(state, expected);
    });
}

#[test]
fn any_other_event_only_counts() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let mut before = stream.state().await;
        stream.append_many("test/x", 2).await;
        let unknown = core("invented-later", json!({ "x": 1 }));
        stream.append(json!([unknown])).await;
        before["eventCount"] = json!(5);
        before["maxOffset"] = json!(5);
        assert_eq!(stream.state().await, before);
    });
}

#[test]
fn configured_merges_into_the_config() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let config = json!({ "config": { "simulatedStorageSyncDelayMs": 7, "other": 1 } });
        let state = after(&stream, "configured", config).await;
        assert_eq!(state["config"], json!({ "simulatedStorageSyncDelayMs": 7 }));
    });
    let negative = json!({ "config": { "simulatedStorageSyncDelayMs": -1 } });
    refuses("configured", [json!({}), negative]);
}

#[test]
fn a_list_is_no_payload() {
    refuses("paused", [json!([]), json!(["a reason"])]);
    refuses("woken", [json!(["an incarnation"])]);
    refuses("configured", [json!({ "config": [5] })]);
}

#[test]
fn metadata_is_replaced_as_a_whole() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        after(
            &stream,
            "metadata-updated",
            json!({ "metadata": { "a": 1 } }),
        )
        .await;
        let state = after(
            &stream,
            "metadata-updated",
            json!({ "metadata": { "b": 2 } }),
        )
        .await;
        assert_eq!(state["metadata"], json!({ "b": 2 }));
    });
    refuses("metadata-updated", [json!({}), json!({ "metadata": [] })]);
}

#[test]
fn pausing_keeps_a_reason_and_resuming_clears_it() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let state = after(&stream, "paused", json!({ "reason": " tea " })).await;
        assert_eq!(
            (&state["paused"], &state["pauseReason"]),
            (&json!(true), &json!("tea"))
        );
        let state = after(&stream, "resumed", json!({ "reason": "done" })).await;
        assert_eq!(
            (&state["paused"], &state["pauseReason"]),
            (&json!(false), &json!(null))
        );
    });
    refuses(
        "paused",
        [
            json!(null),
            json!({ "reason": "" }),
            json!({ "reason": null }),
        ],
    );
}

#[test]
fn errors_have_a_shape() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let error = json!({ "message": "m", "error": { "message": "m", "name": "E" } });
        let state = after(&stream, "error-occurred", error).await;
        assert_eq!(state["eventCount"], 3);
    });
    let nested = |error: Value| json!({ "message": "m", "error": error });
    refuses(
        "error-occurred",
        [
            json!({}),
            json!({ "message": " " }),
            nested(json!(null)),
            nested(json!({})),
            nested(json!({ "message": "m", "code": "" })),
        ],
    );
}

/// The immediate child of every descendant that is announced, in order.
#[test]
fn child_paths_are_the_next_segment_below_the_own_path() {
    let children = |path: &'static str, announced: &'static [&'static str], expected: Value| {
        run(move |world| async move {
            let stream = world.stream(&format!("p1:{path}"));
            for child in announced {
                let payload = json!({ "childPath": child });
                after(&stream, "child-stream-created", payload).await;
            }
            assert_eq!(stream.state().await["childPaths"], expected);
        });
    };
    children(
        "/",
        &["/b/c", "/a", "/b", "/b/d/e", "/"],
        json!(["/b", "/a"]),
    );
    children(
        "/a",
        &[
            "/a/b/c", "/a", "/ab", "/ab/c", "/x/a/b", "/", "/a/b", "/a/z",
        ],
        json!(["/a/b", "/a/z"]),
    );
    refuses(
        "child-stream-created",
        [json!({}), json!({ "childPath": " " })],
    );
}

#[test]
fn the_latest_callable_subscription_of_a_key_wins() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let first = configure("k", "NOBODY", "p1:/a", "one");
        let second = configure("k", "NOBODY", "p1:/a", "two");
        stream.append(json!([first])).await;
        let committed = stream.try_append(json!([second])).await.unwrap();
        let state = stream.state().await;
        let expected = json!({ "k": { "latestConfiguredEvent": {
            "offset": 4,
            "type": "events.iterate.com/stream/subscription-configured",
            "payload": committed[0].payload,
            "createdAt": committed[0].created_at,
        } } });
        assert_eq!(state["subscriptionsByKey"], expected);
    });
}

/// The shapes of V0: they parse, and they change nothing; a late one least of all (B-13).
#[test]
fn legacy_subscribers_are_tolerated_and_left_alone() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let built_in = json!({
            "type": "built-in",
            "transport": "workers-rpc",
            "processorSlug": "agent",
        });
        let external = json!({
            "type": "external-url",
            "transport": "capnweb-websocket",
            "url": "https://x.test",
            "headers": { "a": "b" },
        });
        let legacy = |key: &str, subscriber: &Value| {
            let payload = json!({ "subscriptionKey": key, "subscriber": subscriber });
            core("subscription-configured", payload)
        };
        stream
            .append(json!([configure("k", "NOBODY", "p1:/a", "x")]))
            .await;
        let before = stream.state().await["subscriptionsByKey"].clone();
        for subscriber in [&built_in, &external] {
            let events = json!([legacy("k", subscriber), legacy("other", subscriber)]);
            stream.append(events).await;
        }
        assert_eq!(stream.state().await["subscriptionsByKey"], before);
    });
}

#[test]
fn a_subscription_of_no_known_shape_is_refused() {
    let subscriber =
        |subscriber: Value| json!({ "subscriptionKey": "k", "subscriber": subscriber });
    refuses(
        "subscription-configured",
        [
            json!({ "subscriptionKey": "k" }),
            subscriber(json!({ "type": "carrier-pigeon" })),
            subscriber(json!({ "type": "callable", "callable": { "type": "rpc" } })),
            subscriber(json!({ "type": "built-in", "transport": "post", "processorSlug": "x" })),
            subscriber(json!([
                "external-url",
                "capnweb-websocket",
                "https://x.test"
            ])),
        ],
    );
}

fn announcement() -> Value {
    json!({
        "slug": "adder",
        "version": "0.1.0",
        "description": "",
        "consumes": ["test/add"],
        "emits": [],
        "ownedEvents": [{ "type": "test/add", "description": "a number" }],
    })
}

#[test]
fn presence_facts_keep_the_roster_and_announce_processors() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let subscriber = json!({ "incarnationId": "i", "processor": announcement() });
        let connected = json!({
            "subscriptionKey": "k",
            "direction": "outbound",
            "subscriber": subscriber,
        });
        let state = after(&stream, "subscriber-connected", connected).await;
        let announced = json!({ "announcedAtOffset": 3, "announcement": announcement() });
        assert_eq!(state["processorsBySlug"], json!({ "adder": announced }));
        let entry = json!({
            "direction": "outbound",
            "connectedAtOffset": 3,
            "subscriber": subscriber,
        });
        assert_eq!(state["connectionsByKey"], json!({ "k": entry }));

        let inbound = json!({ "subscriptionKey": "l", "direction": "inbound" });
        let state = after(&stream, "subscriber-connected", inbound).await;
        let bare = json!({ "direction": "inbound", "connectedAtOffset": 4 });
        assert_eq!(state["connectionsByKey"]["l"], bare);

        let gone = json!({ "subscriptionKey": "k", "reason": "rpc-broken" });
        let state = after(&stream, "subscriber-disconnected", gone).await;
        assert_eq!(state["connectionsByKey"], json!({ "l": bare }));
        assert_eq!(state["processorsBySlug"], json!({ "adder": announced }));

        stream.restart().await;
        assert_eq!(
            stream.state().await["connectionsByKey"],
            json!({}),
            "woken clears it"
        );
    });
    let connected = |subscriber: Value| json!({ "subscriptionKey": "k", "direction": "inbound", "subscriber": subscriber });
    refuses(
        "subscriber-connected",
        [
            json!({ "subscriptionKey": "k", "direction": "sideways" }),
            connected(json!(null)),
            connected(json!({ "incarnationId": "" })),
            connected(json!({ "processor": { "slug": "adder" } })),
        ],
    );
    let because = |reason: &str| json!({ "subscriptionKey": "k", "reason": reason });
    refuses(
        "subscriber-disconnected",
        [because("bored"), json!({ "reason": "idle" })],
    );
}

/// V0's way of announcing.
#[test]
fn a_registered_processor_is_announced() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let state = after(&stream, "processor-registered", announcement()).await;
        let announced = json!({ "announcedAtOffset": 3, "announcement": announcement() });
        assert_eq!(state["processorsBySlug"], json!({ "adder": announced }));
    });
}

#[test]
fn the_log_keeps_the_original_payload_where_the_state_keeps_the_parsed_one() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let gone = json!({ "subscriptionKey": " k ", "reason": "idle", "extra": 1 });
        after(&stream, "subscriber-disconnected", gone.clone()).await;
        assert_eq!(stream.log().await[2].payload.as_deref(), Some(&gone));
    });
}
