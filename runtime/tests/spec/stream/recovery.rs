//! Rows are the truth, the stored state is a cache of them (spec §1.3; B-01, #1380).

use crate::support::{run, Stream};
use runtime::platform::{Cell, Key};
use serde_json::{json, Value};

/// A stream with some history, and its state without what the next wake changes.
async fn lived(stream: &Stream) -> Value {
    let metadata = json!({
        "type": "events.iterate.com/stream/metadata-updated",
        "payload": { "metadata": { "title": "t" } },
    });
    let child = json!({
        "type": "events.iterate.com/stream/child-stream-created",
        "payload": { "childPath": "/a/b" },
    });
    stream.append(json!([metadata, child])).await;
    stream.append_many("test/x", 3).await;
    lasting(stream.state().await)
}

fn lasting(mut state: Value) -> Value {
    for field in ["incarnationId", "eventCount", "maxOffset"] {
        state[field] = Value::Null;
    }
    state
}

/// What was stored is replaced, and the stream restarts; it goes on as if nothing had happened.
fn recovers(tamper: impl FnOnce(&Stored) + 'static) {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.runtime_state().await;
        let disk = world.disk(&stream.name);
        let early = disk.kv("state").expect("a state");
        let before = lived(&stream).await;
        world.crash(&stream.name);
        tamper(&Stored {
            disk: disk.clone(),
            early,
        });
        let calls = world.calls("requestStreamSubscription");
        assert_eq!(lasting(stream.state().await), before);
        assert_eq!(disk.kv("stateVersion").as_deref(), Some("4"));
        let stored: Value = serde_json::from_str(&disk.kv("state").unwrap()).unwrap();
        assert_eq!(stored["maxOffset"], 8, "it is written back");
        assert_eq!(stream.append(json!([{ "type": "test/x" }])).await, [9]);
        assert_eq!(world.calls("requestStreamSubscription"), calls);
    });
}

struct Stored {
    disk: std::rc::Rc<crate::support::disk::Disk>,
    early: String,
}

#[test]
fn a_state_in_step_is_taken_as_it_is() {
    recovers(|_| {});
}

#[test]
fn a_missing_state_is_rebuilt() {
    recovers(|stored| stored.disk.tamper("state", None));
}

#[test]
fn a_state_behind_the_rows_catches_up() {
    recovers(|stored| stored.disk.tamper("state", Some(stored.early.clone())));
}

#[test]
fn a_state_ahead_of_the_rows_is_rebuilt() {
    recovers(|stored| {
        let mut ahead: Value = serde_json::from_str(&stored.early).unwrap();
        ahead["maxOffset"] = json!(100);
        stored.disk.tamper("state", Some(ahead.to_string()));
    });
}

#[test]
fn stale_version_a_state_of_another_version_is_rebuilt() {
    recovers(|stored| {
        let mut stale: Value = serde_json::from_str(&stored.early).unwrap();
        stale["childPaths"] = json!(["/wrong"]);
        stored.disk.tamper("state", Some(stale.to_string()));
        stored.disk.tamper("stateVersion", Some("3".to_owned()));
    });
}

#[test]
fn a_state_without_a_version_is_rebuilt() {
    recovers(|stored| {
        stored.disk.tamper("state", Some(stored.early.clone()));
        stored.disk.tamper("stateVersion", None);
    });
}

#[test]
fn a_state_that_does_not_parse_is_rebuilt() {
    recovers(|stored| stored.disk.tamper("state", Some("{}".to_owned())));
}

#[test]
fn a_crash_within_a_turn_leaves_no_half_of_it() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 2).await;
        let disk = world.disk(&stream.name);
        assert_eq!(disk.rows("events").len(), disk.rows("event_chunks").len());
        stream.restart().await;
        let offsets: Vec<u64> = stream
            .log()
            .await
            .iter()
            .map(|event| event.offset.0)
            .collect();
        assert_eq!(offsets, [1, 2, 3, 4, 5]);
    });
}

#[test]
fn t8_a_large_event_round_trips_in_chunks() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let text = "ä€".repeat(140 * 1024);
        stream
            .append(json!([{ "type": "test/large", "payload": text }]))
            .await;
        let chunks: Vec<usize> = world
            .disk(&stream.name)
            .rows("event_chunks")
            .into_iter()
            .filter(|(key, _)| matches!(key, Key::Pair(3, _)))
            .map(|(_, row)| match &row[0] {
                Cell::Blob(bytes) => bytes.len(),
                cell => panic!("a chunk is a blob, not {cell:?}"),
            })
            .collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[0], 512 * 1024);
        stream.restart().await;
        assert_eq!(stream.log().await[2].payload.as_deref(), Some(&json!(text)));
    });
}

#[test]
fn a_long_log_reads_the_same_from_memory_and_from_rows() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append_many("test/x", 600).await;
        let from_memory = stream.log().await;
        assert_eq!(from_memory.len(), 602);
        stream.restart().await;
        assert_eq!(stream.log().await[..602], from_memory);
    });
}

/// Some events are in several rows; whatever is read of them is whole.
#[test]
fn every_window_of_a_log_reads_the_same_from_rows() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let large = json!({ "type": "test/large", "payload": "x".repeat(600 * 1024) });
        stream.append_many("test/x", 2).await;
        stream.append(json!([large, large])).await;
        stream.append_many("test/x", 1).await;
        stream.append(json!([large])).await;
        stream.append_many("test/x", 600).await;
        let whole = stream.log().await;
        world.crash(&stream.name);
        for (after, limit) in (0..9).flat_map(|after| (1..9).map(move |limit| (after, limit))) {
            let window = json!({ "afterOffset": after, "limit": limit });
            let read = stream.ask("getEvents", window).await.unwrap();
            assert!(
                read == json!(whole[after..after + limit]),
                "{limit} after {after}"
            );
        }
    });
}
