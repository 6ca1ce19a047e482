//! Appends to other streams of the namespace (spec §1.2, §1.10).

use crate::support::{code, run, Fate};
use runtime::stream::contract::PAUSED;
use serde_json::{json, Value};

fn to(path: &str) -> Value {
    json!({ "streamPath": path, "event": { "type": "test/x" } })
}

#[test]
fn a_path_names_another_stream_and_nothing_is_journaled_here() {
    run(|world| async move {
        let (here, there) = (world.stream("p1:/a/b"), world.stream("p1:/a/c/d"));
        for path in ["/a/c/d", "../c/d", "./../c//d"] {
            here.ask("append", to(path)).await.unwrap();
        }
        assert_eq!(here.log().await.len(), 2);
        assert_eq!(there.story(3).await, ["x", "x", "x"]);
    });
}

#[test]
fn a_batch_is_forwarded_as_one_and_its_result_comes_back() {
    run(|world| async move {
        let (here, there) = (world.stream("p1:/a"), world.stream("p1:/b"));
        let events = json!([{ "type": "test/x", "idempotencyKey": "k" }, { "type": "test/y" }]);
        let batch = json!({ "streamPath": "/b", "events": events });
        let appended = here.ask("appendBatch", batch.clone()).await.unwrap();
        assert_eq!(json!(there.log().await[2..]), appended);
        let again = here.ask("appendBatch", batch).await.unwrap();
        assert_eq!(
            (&again[0]["offset"], &again[1]["offset"]),
            (&json!(3), &json!(5))
        );
    });
}

#[test]
fn a_path_that_leads_back_here_appends_here() {
    run(|world| async move {
        let stream = world.stream("p1:/a/b");
        stream.runtime_state().await;
        world.settle().await;
        let before = world.calls("append");
        for path in ["/a/b", ".", "", "../b", "/a//b/"] {
            stream.ask("append", to(path)).await.unwrap();
        }
        assert_eq!(stream.log().await.len(), 2 + 5);
        assert_eq!(world.calls("append") - before, 5, "nothing was forwarded");
    });
}

#[test]
fn the_other_stream_is_of_the_same_namespace() {
    run(|world| async move {
        world.stream("p2:/a").ask("append", to("/b")).await.unwrap();
        assert_eq!(world.stream("p2:/b").story(3).await, ["x"]);
        assert_eq!(world.stream("p1:/b").log().await.len(), 2);
    });
}

/// A lane keeps its order.
#[test]
fn what_is_forwarded_to_one_stream_goes_by_one_lane() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        for _ in 0..3 {
            stream.ask("append", to("/b")).await.unwrap();
        }
        let lanes = world.lanes_to("p1:/b");
        assert_eq!(lanes, [lanes[0]; 3]);
    });
}

#[test]
fn a_path_that_leaves_the_root_is_refused() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let refused = stream.ask("append", to("../../b")).await;
        let error = refused.clone().unwrap_err().to_string();
        assert!(error.contains("escapes the stream root"), "{error}");
        assert_eq!(code(refused), "invalid-argument");
    });
}

/// Whoever is told of a pause waits until the stream that it asked is resumed.
#[test]
fn a_pause_of_the_other_stream_is_not_taken_for_one_of_this() {
    run(|world| async move {
        let (here, there) = (world.stream("p1:/a"), world.stream("p1:/b"));
        let pause = json!([{ "type": PAUSED, "payload": { "reason": "tea" } }]);
        there.append(pause.clone()).await;
        let refused = here.ask("append", to("/b")).await;
        let error = refused.clone().unwrap_err().to_string();
        assert_eq!(error, "/b: stream paused: tea");
        assert_eq!(code(refused), "other-stream-paused");
        here.append(pause).await;
        assert_eq!(code(here.ask("append", to("/a")).await), "stream-paused");
    });
}

#[test]
fn the_failure_of_the_other_stream_comes_back() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let conflict = json!({ "streamPath": "/b", "event": { "type": "test/x", "offset": 9 } });
        assert_eq!(
            code(stream.ask("append", conflict).await),
            "offset-conflict"
        );
        world.on_call(|call| match &*call.target.name {
            "p1:/b" => Fate::RequestLost,
            _ => Fate::Arrives,
        });
        let lost = stream.ask("append", to("/b")).await;
        assert!(lost.unwrap_err().is_transient());
    });
}
