//! A stream that was reset, and the subscribers that it had before (spec §1.13; B-35).

use crate::support::{
    adder::{add, connected_adder, SUM},
    configure, run, Fate, Stream, World,
};
use serde_json::{json, Value};

/// Resets `p1:/a`, and has it dial the adder again.
async fn begin_anew(world: &World, stream: &Stream) {
    world.pass_ms(100).await;
    let _ = stream.ask("reset", json!({})).await;
    stream
        .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
        .await;
    world.pass_ms(15_000).await;
}

const NOTHING: [Value; 0] = [];

async fn said(stream: &Stream) -> Vec<Value> {
    let sums = stream.events_of(&SUM).await.into_iter();
    sums.map(|event| (*event.payload.unwrap()).clone())
        .collect()
}

#[test]
fn a_subscriber_from_before_a_reset_does_not_skip_the_new_log() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        for number in 1..=5 {
            stream.append(json!([add(number)])).await;
        }
        world.settle().await;
        assert_eq!(orders.total(&world), 15);
        begin_anew(&world, &stream).await;
        stream.append(json!([add(7)])).await;
        world.settle().await;
        let state = &orders.snapshot(&world)["state"];
        assert_eq!(*state, json!({ "total": 7, "count": 1 }));
        assert_eq!(said(&stream).await, [json!(7)]);
    });
}

#[test]
fn nor_if_the_new_log_has_grown_past_its_checkpoint() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        stream.append(json!([add(5)])).await;
        world.settle().await;
        world.crash(&orders.name);
        world.pass_ms(100).await;
        let _ = stream.ask("reset", json!({})).await;
        for number in 1..=20 {
            stream.append(json!([add(number)])).await;
        }
        stream
            .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
            .await;
        world.pass_ms(15_000).await;
        assert_eq!(orders.total(&world), 210);
        assert_eq!(said(&stream).await, NOTHING, "they are below the anchor");
    });
}

/// Logs are told apart by the time at which they began.
#[test]
fn nor_if_the_clock_jumped_back_to_when_the_old_log_began() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        let began = |state: Value| state["coreProcessorState"]["createdAt"].clone();
        let before = began(stream.runtime_state().await);
        stream.append(json!([add(5)])).await;
        world.settle().await;
        for jump_ms in [-100, -3_600_000] {
            world.crash(&orders.name);
            world.pass_ms(100).await;
            world.jump_clock_ms(jump_ms);
            let _ = stream.ask("reset", json!({})).await;
            let after = began(stream.runtime_state().await);
            assert!(before.as_str() < after.as_str(), "{before} {after}");
        }
        stream
            .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
            .await;
        world.pass_ms(15_000).await;
        stream.append(json!([add(7)])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 7);
    });
}

/// An effect of the old log is under way when the stream is reset; its stub is broken, and by name
/// it would reach the new log.
#[test]
fn an_effect_of_the_old_log_does_not_reach_the_new_one() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        world.pass_ms(100).await;
        orders.takes_ms.set(2_000);
        stream.append(json!([add(5)])).await;
        world.settle().await;
        let _ = stream.ask("reset", json!({})).await;
        stream.runtime_state().await;
        world.pass_ms(10_000).await;
        assert_eq!(said(&stream).await, NOTHING);
    });
}

/// A handshake from before the reset arrives after it.
#[test]
fn a_handshake_from_before_the_reset_changes_nothing() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        world.pass_ms(100).await;
        world.on_call(|call| match &*call.method {
            "requestStreamSubscription" => Fate::Late(20_000),
            _ => Fate::Arrives,
        });
        stream.restart().await;
        world.on_call(|_| Fate::Arrives);
        world.crash(&orders.name);
        begin_anew(&world, &stream).await;
        stream.append(json!([add(7)])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 7);
        world.pass_ms(30_000).await;
        stream.append(json!([add(1)])).await;
        world.pass_ms(15_000).await;
        assert_eq!(orders.total(&world), 8);
        assert_eq!(said(&stream).await, [json!(7), json!(8)]);
    });
}

#[test]
fn a_call_that_means_another_log_is_refused() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.runtime_state().await;
        for method in ["append", "getEvents", "runtimeState"] {
            let arguments = json!({
                "event": { "type": "test/x" },
                "logCreatedAt": "2020-01-01T00:00:00.000Z",
            });
            let refused = stream.ask(method, arguments).await;
            assert_eq!(crate::support::code(refused), "stream-reset", "{method}");
        }
        assert_eq!(stream.log().await.len(), 2);
    });
}
