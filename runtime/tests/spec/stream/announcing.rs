//! Ancestor announcements (spec §1.7; B-07, X-6).

use crate::support::{run, Call, Fate, Stream, World};
use runtime::{platform::WriteId, stream::contract::CHILD_STREAM_CREATED};
use serde_json::{json, Value};

async fn children(stream: &Stream) -> Value {
    stream.state().await["childPaths"].take()
}

/// Touches `p1:/a/b/c`.
async fn born(world: &World) -> Stream {
    let stream = world.stream("p1:/a/b/c");
    stream.runtime_state().await;
    world.settle().await;
    stream
}

fn is_announcement(call: &Call) -> bool {
    call.method == "append"
}

#[test]
fn a_new_stream_is_known_to_every_ancestor() {
    run(|world| async move {
        born(&world).await;
        for (ancestor, child) in [("/", "/a"), ("/a", "/a/b"), ("/a/b", "/a/b/c")] {
            let stream = world.stream(&format!("p1:{ancestor}"));
            assert_eq!(children(&stream).await, json!([child]), "{ancestor}");
        }
        let root = world.stream("p1:/");
        let announcements = root.events_of(&CHILD_STREAM_CREATED).await;
        let paths = announcements.iter().map(|event| event.payload.as_ref());
        let paths: Vec<&Value> = paths
            .map(|payload| &payload.unwrap()["childPath"])
            .collect();
        assert_eq!(
            paths,
            ["/a/b/c", "/a", "/a/b"],
            "descendants say where they are"
        );
        let keys = announcements
            .iter()
            .map(|event| event.idempotency_key.clone());
        let first = keys.flatten().next().expect("it is keyed");
        assert_eq!(first.as_str(), "child-stream-created:/:/a/b/c");
    });
}

#[test]
fn the_root_announces_nothing() {
    run(|world| async move {
        world.stream("p1:/").runtime_state().await;
        world.settle().await;
        assert_eq!(world.calls("append"), 0);
    });
}

#[test]
fn an_announcement_is_made_once() {
    run(|world| async move {
        let stream = born(&world).await;
        let made = world.calls("append");
        stream.restart().await;
        world.pass_ms(60_000).await;
        assert_eq!(world.calls("append"), made);
        assert_eq!(world.disk(&stream.name).alarm(), None);
    });
}

/// nobody comes to wake the stream but its own alarm.
#[test]
fn a_stream_that_dies_right_after_created_still_announces() {
    run(|world| async move {
        world.on_call(|call| match is_announcement(call) {
            true => Fate::RequestLost,
            false => Fate::Arrives,
        });
        let stream = born(&world).await;
        world.crash(&stream.name);
        world.on_call(|_| Fate::Arrives);
        world.pass_ms(11_000).await;
        assert_eq!(children(&world.stream("p1:/")).await, json!(["/a"]));
        assert_eq!(children(&world.stream("p1:/a/b")).await, json!(["/a/b/c"]));
    });
}

#[test]
fn a_lost_announcement_is_repeated_until_it_is_taken() {
    for fate in [Fate::RequestLost, Fate::ReplyLost] {
        run(move |world| async move {
            let mut losses = 5;
            world.on_call(move |call| {
                let is_lost = is_announcement(call) && losses > 0;
                losses -= i32::from(is_lost);
                match is_lost {
                    true => fate.clone(),
                    false => Fate::Arrives,
                }
            });
            born(&world).await;
            world.pass_ms(60_000).await;
            let root = world.stream("p1:/");
            assert_eq!(root.count(&CHILD_STREAM_CREATED).await, 3, "each is keyed");
            assert_eq!(children(&world.stream("p1:/a")).await, json!(["/a/b"]));
        });
    }
}

#[test]
fn a_paused_ancestor_hears_of_it_when_it_is_resumed() {
    run(|world| async move {
        let root = world.stream("p1:/");
        let change = |kind: &str| json!([{ "type": format!("events.iterate.com/stream/{kind}"), "payload": {} }]);
        root.append(change("paused")).await;
        world.stream("p1:/a").runtime_state().await;
        world.pass_ms(25_000).await;
        assert_eq!(children(&root).await, json!([]));
        root.append(change("resumed")).await;
        world.pass_ms(21_000).await;
        assert_eq!(children(&root).await, json!(["/a"]));
    });
}

#[test]
fn an_ancestor_that_is_paused_for_long_is_asked_ever_less_often() {
    run(|world| async move {
        let root = world.stream("p1:/");
        let change = |kind: &str| json!([{ "type": format!("events.iterate.com/stream/{kind}"), "payload": {} }]);
        root.append(change("paused")).await;
        world.stream("p1:/a").runtime_state().await;
        world.pass_ms(3_600_000).await;
        let asked = world.calls("append");
        assert!((10..=20).contains(&asked), "asked {asked} times in an hour");
        root.append(change("resumed")).await;
        world.pass_ms(330_000).await;
        assert_eq!(children(&root).await, json!(["/a"]));
    });
}

/// The announcement follows the commit: what is told of is there (B-07).
#[test]
fn what_is_announced_has_been_committed() {
    run(|world| async move {
        world.stream("p1:/a").runtime_state().await;
        world.settle().await;
        let announced = world.last_call_of("append");
        assert_eq!(
            announced.target.to_string(),
            "stream p1:/",
            "not uninitialized:/"
        );
        assert!(announced.after > WriteId(0));
    });
}
