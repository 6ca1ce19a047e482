//! Idle teardown (spec §1.12, #1518; B-38).

use crate::support::{configure, run, Guest, Listener, Stream, World};
use serde_json::{json, Value};
use std::rc::Rc;

const IDLE_MS: u64 = 5 * 60 * 1_000;
const IDLE: &str = "subscriber-disconnected idle";

async fn dialed(world: &World) -> (Stream, Rc<Guest>) {
    let guest = Guest::move_in(world);
    let stream = world.stream("p1:/a");
    stream
        .append(json!([configure("guest", "GUEST", "p1:/a", "x")]))
        .await;
    world.settle().await;
    (stream, guest)
}

async fn roster(stream: &Stream) -> Value {
    stream.state().await["connectionsByKey"].take()
}

async fn is_connected(stream: &Stream) -> bool {
    roster(stream).await.get("guest").is_some()
}

#[test]
fn a_quiet_stream_lets_go_of_its_subscribers_and_keeps_their_configuration() {
    run(|world| async move {
        let (stream, _) = dialed(&world).await;
        world.pass_ms(IDLE_MS - 1_000).await;
        assert!(is_connected(&stream).await);
        world.pass_ms(2_000).await;
        assert!(!is_connected(&stream).await);
        assert_eq!(stream.story(1).await.last().unwrap(), IDLE);
        let configured = stream.state().await["subscriptionsByKey"].take();
        assert!(configured["guest"].is_object());
    });
}

#[test]
fn every_append_starts_the_time_anew() {
    run(|world| async move {
        let (stream, _) = dialed(&world).await;
        for _ in 0..3 {
            world.pass_ms(IDLE_MS - 10_000).await;
            stream.append_many("test/x", 1).await;
        }
        world.pass_ms(IDLE_MS - 1_000).await;
        assert!(is_connected(&stream).await);
        world.pass_ms(2_000).await;
        assert!(!is_connected(&stream).await);
    });
}

/// Neither the teardown's own fact nor any other core event, nor time, dials again.
#[test]
fn only_a_domain_event_dials_again() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        world.pass_ms(IDLE_MS + 60_000).await;
        let metadata = "events.iterate.com/stream/metadata-updated";
        stream
            .append(json!([{ "type": metadata, "payload": { "metadata": {} } }]))
            .await;
        world.pass_ms(60_000).await;
        assert_eq!(guest.dials(), 1);
        stream.append_many("test/x", 1).await;
        world.settle().await;
        assert_eq!(guest.dials(), 2);
        assert!(is_connected(&stream).await);
    });
}

#[test]
fn what_was_appended_meanwhile_is_replayed() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        world.pass_ms(IDLE_MS + 1_000).await;
        let seen = guest.listener.all_offsets();
        *guest.subscribes.borrow_mut() = Some(json!({ "replayAfterOffset": seen.last() }));
        stream.append_many("test/x", 3).await;
        world.settle().await;
        let head = stream.state().await["maxOffset"].as_u64().unwrap();
        let all: Vec<u64> = (1..=head).collect();
        assert_eq!(guest.listener.all_offsets(), all, "in order, each once");
    });
}

#[test]
fn an_unsettled_delivery_is_not_idle() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.listener.silent.set(true);
        stream.append_many("test/x", 1).await;
        world.pass_ms(2 * IDLE_MS).await;
        assert!(is_connected(&stream).await);
    });
}

#[test]
fn inbound_subscribers_stay() {
    run(|world| async move {
        let (stream, _) = dialed(&world).await;
        let (listener, context) = (Listener::new(), world.client("reader"));
        listener
            .subscribe(&stream, &context, json!({ "subscriptionKey": "reader" }))
            .await
            .unwrap();
        world.pass_ms(IDLE_MS + 1_000).await;
        let roster = roster(&stream).await;
        let keys: Vec<&String> = roster.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["reader"]);
    });
}

#[test]
fn a_clock_that_jumps_makes_it_neither_early_nor_endless() {
    for (jump_ms, outlasts_ms) in [(-3_600_000, IDLE_MS + 30_000), (120_000, IDLE_MS - 30_000)] {
        run(move |world| async move {
            let (stream, _) = dialed(&world).await;
            world.pass_ms(60_000).await;
            world.jump_clock_ms(jump_ms);
            world.pass_ms(outlasts_ms - 60_000).await;
            assert!(is_connected(&stream).await, "{jump_ms} ms");
            world.pass_ms(IDLE_MS).await;
            assert!(!is_connected(&stream).await, "{jump_ms} ms");
        });
    }
}

#[test]
fn how_long_is_a_matter_of_the_class() {
    run(|world| async move {
        world.add_class(
            runtime::stream::BINDING,
            runtime::stream::class::<2_000>().construct,
        );
        let (stream, _) = dialed(&world).await;
        world.pass_ms(3_000).await;
        assert!(!is_connected(&stream).await);
    });
}

#[test]
fn a_stream_without_subscribers_has_no_timer() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.unsubscribe();
        world.settle().await;
        world.pass_ms(2 * IDLE_MS).await;
        assert_eq!(
            stream.story(1).await.last().unwrap(),
            "subscriber-disconnected unsubscribed"
        );
    });
}
