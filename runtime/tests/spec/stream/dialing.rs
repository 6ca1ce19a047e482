//! Reconciling and dialing (spec §1.8, §1.9): who is dialed, when, and when again.

use crate::support::{
    adder::{add, Orders},
    configure, run, Fate, Guest, Listener, Stream, World,
};
use runtime::{
    call::{Arguments, CallError},
    platform::{NoteKind, Target},
    stream::contract::{SUBSCRIBER_CONNECTED, WOKEN},
};
use serde_json::{json, Value};
use std::rc::Rc;

const DIAL: &str = "requestStreamSubscription";

fn configured() -> Value {
    json!([configure("guest", "GUEST", "p1:/a", "x")])
}

/// A stream `p1:/a` and somebody whom it dials.
pub(super) async fn dialed(world: &World) -> (Stream, Rc<Guest>) {
    let guest = Guest::move_in(world);
    let stream = world.stream("p1:/a");
    stream.append(configured()).await;
    world.settle().await;
    (stream, guest)
}

pub(super) async fn domain_event(stream: &Stream) {
    stream.append_many("test/x", 1).await;
    stream.world.settle().await;
}

async fn core_event(stream: &Stream) {
    let payload = json!({ "metadata": {} });
    let kind = "events.iterate.com/stream/metadata-updated";
    stream
        .append(json!([{ "type": kind, "payload": payload }]))
        .await;
    stream.world.settle().await;
}

#[test]
fn a_configured_subscriber_is_dialed_with_a_handshake() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        assert_eq!(guest.dials(), 1);
        let handshake = guest.dials.borrow()[0].clone();
        assert_eq!(handshake.parse::<String>("processorName").unwrap(), "x");
        assert_eq!(
            handshake.parse::<String>("subscriptionKey").unwrap(),
            "guest"
        );
        assert_eq!(handshake.parse::<u64>("streamMaxOffset").unwrap(), 3);
        let log = stream.log().await;
        let event = json!({
            "offset": 3,
            "type": log[2].kind,
            "payload": log[2].payload,
            "createdAt": log[2].created_at,
        });
        assert_eq!(
            handshake
                .parse::<Value>("subscriptionConfiguredEvent")
                .unwrap(),
            event
        );
        let state: Value = handshake.parse("streamRuntimeState").unwrap();
        let core = &state["coreProcessorState"];
        assert_eq!(
            (&core["namespace"], &core["path"]),
            (&json!("p1"), &json!("/a"))
        );
        assert_eq!(core["maxOffset"], 3, "it is dialed after the commit (B-07)");
        handshake.capability("stream").unwrap();
        assert_eq!(stream.story(4).await, ["subscriber-connected outbound"]);
    });
}

#[test]
fn a_subscription_from_the_checkpoint_replays_what_came_before_it() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        assert_eq!(guest.listener.offsets(), [[1, 2, 3, 4]]);
        domain_event(&stream).await;
        assert_eq!(guest.listener.offsets()[1..], [[5]]);
    });
}

#[test]
fn a_stream_that_wakes_dials_again() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        stream.restart().await;
        assert_eq!(guest.dials(), 2);
        let story = ["woken", "subscriber-connected outbound"];
        assert_eq!(
            stream.story(5).await,
            story,
            "the old connection died unsaid"
        );
    });
}

#[test]
fn who_is_connected_is_not_dialed() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        stream.append(configured()).await;
        domain_event(&stream).await;
        world.pass_ms(60_000).await;
        assert_eq!(guest.dials(), 1);
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 1);
    });
}

#[test]
fn who_is_being_dialed_is_not_dialed_twice() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        guest.takes_ms.set(5_000);
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        domain_event(&stream).await;
        stream.append(configured()).await;
        world.pass_ms(20_000).await;
        assert_eq!(guest.dials(), 1);
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 1);
    });
}

#[test]
fn legacy_subscribers_are_never_dialed() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let legacy = json!([{
            "type": "events.iterate.com/stream/subscription-configured",
            "payload": { "subscriptionKey": "guest", "subscriber": {
                "type": "built-in", "transport": "workers-rpc", "processorSlug": "x",
            } },
        }]);
        stream.append(legacy.clone()).await;
        domain_event(&stream).await;
        stream.restart().await;
        world.pass_ms(60_000).await;
        assert_eq!(world.calls(DIAL), 0);

        let guest = Guest::move_in(&world);
        stream.append(configured()).await;
        stream.append(legacy).await;
        stream.restart().await;
        assert_eq!(
            guest.dials(),
            2,
            "a late one does not silence the callable one (B-13)"
        );
    });
}

#[test]
fn a_lost_subscriber_is_dialed_again() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        world.crash(&guest.name);
        world.settle().await;
        let story = [
            "subscriber-disconnected rpc-broken",
            "subscriber-connected outbound",
        ];
        assert_eq!(stream.story(5).await, story);
        guest.listener.forget();
        domain_event(&stream).await;
        assert_eq!(guest.listener.all_offsets(), [7]);
    });
}

/// B-24: outcomes are observed, and the subscriber comes back with its durable checkpoint.
#[test]
fn a_failed_delivery_closes_the_connection_and_dials_again() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        *guest.subscribes.borrow_mut() = Some(json!({ "replayAfterOffset": 4 }));
        guest.listener.forget();
        guest.listener.refusals.set(1);
        domain_event(&stream).await;
        let story = [
            "x",
            "subscriber-disconnected delivery-failed",
            "subscriber-connected outbound",
        ];
        assert_eq!(stream.story(5).await, story);
        assert_eq!(guest.listener.offsets(), [[5, 6, 7]], "from the checkpoint");
        assert_eq!(guest.dials(), 2);
    });
}

#[test]
fn a_lost_delivery_or_a_lost_answer_is_a_failed_delivery() {
    for fate in [Fate::RequestLost, Fate::ReplyLost] {
        run(move |world| async move {
            let (stream, guest) = dialed(&world).await;
            let mut lost = false;
            world.on_call(move |call| {
                let is_first =
                    call.method == "processEventBatch" && !std::mem::replace(&mut lost, true);
                if is_first {
                    fate.clone()
                } else {
                    Fate::Arrives
                }
            });
            domain_event(&stream).await;
            assert_eq!(guest.dials(), 2);
            assert!(guest.listener.all_offsets().contains(&5));
            assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 2);
        });
    }
}

#[test]
fn a_subscriber_that_always_refuses_is_dialed_four_times_and_then_by_the_alarm() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        guest.listener.refusals.set(u32::MAX);
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        world.pass_ms(9_000).await;
        assert_eq!(guest.dials(), 4);
        // After 10, 20, 40 and 80 s.
        world.pass_ms(75_000).await;
        assert_eq!(guest.dials(), 8);
        guest.listener.refusals.set(0);
        world.pass_ms(80_000).await;
        let head = stream.log().await.len() as u64;
        assert_eq!(
            guest.listener.all_offsets(),
            (1..=head).collect::<Vec<u64>>()
        );
    });
}

#[test]
fn a_failed_dial_is_repeated_by_the_alarm_on_a_quiet_stream() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        *guest.refuses.borrow_mut() = Some(CallError::remote("busy", "not now"));
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        world.pass_ms(9_000).await;
        assert_eq!(guest.dials(), 1, "not in a hurry");
        world.pass_ms(2_000).await;
        assert_eq!(guest.dials(), 2);
        *guest.refuses.borrow_mut() = None;
        world.pass_ms(11_000).await;
        assert_eq!(guest.dials(), 3);
        assert_eq!(stream.story(4).await, ["subscriber-connected outbound"]);
        world.pass_ms(60_000).await;
        assert_eq!(world.disk(&stream.name).alarm(), None, "nothing is owed");
    });
}

#[test]
fn a_dial_whose_answer_is_lost_does_not_disturb_the_connection() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        world.on_call(|call| match &*call.method {
            DIAL => Fate::ReplyLost,
            _ => Fate::Arrives,
        });
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        world.pass_ms(60_000).await;
        assert_eq!(guest.dials(), 1);
        assert_eq!(stream.story(4).await, ["subscriber-connected outbound"]);
    });
}

#[test]
fn a_domain_event_dials_who_is_not_connected_and_a_core_event_does_not() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        *guest.refuses.borrow_mut() = Some(CallError::remote("busy", "not now"));
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        core_event(&stream).await;
        assert_eq!(guest.dials(), 1);
        domain_event(&stream).await;
        assert_eq!(guest.dials(), 2);
    });
}

#[test]
fn a_dial_that_can_never_succeed_is_parked_until_the_next_domain_event() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream
            .append(json!([configure("k", "NOBODY", "p1:/a", "x")]))
            .await;
        let dials = || {
            let failures = world.notes(|kind| *kind == NoteKind::Failure).into_iter();
            failures
                .filter(|words| words.starts_with("dial of k failed: RESOLUTION_FAILED"))
                .count()
        };
        world.pass_ms(120_000).await;
        assert_eq!(dials(), 1);
        assert_eq!(world.disk(&stream.name).alarm(), None);
        core_event(&stream).await;
        assert_eq!(dials(), 1);
        domain_event(&stream).await;
        assert_eq!(dials(), 2);
        assert_eq!(world.calls(DIAL), 0, "nobody is there to be called");
    });
}

#[test]
fn who_unsubscribed_is_left_alone_until_the_next_domain_event() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.unsubscribe();
        world.pass_ms(60_000).await;
        assert_eq!(guest.dials(), 1);
        assert_eq!(
            stream.story(5).await,
            ["subscriber-disconnected unsubscribed"]
        );
        domain_event(&stream).await;
        assert_eq!(guest.dials(), 2);
    });
}

#[test]
fn an_outbound_connection_that_nobody_configured_is_closed() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        let other = json!({ "subscriptionKey": "other" });
        *guest.subscribes.borrow_mut() = Some(other);
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        world.settle().await;
        *guest.subscribes.borrow_mut() = Some(json!({}));
        domain_event(&stream).await;
        let story = [
            "subscriber-connected outbound",
            "x",
            "subscriber-disconnected subscription-removed",
            "subscriber-connected outbound",
        ];
        assert_eq!(stream.story(4).await, story);
        let roster = stream.state().await["connectionsByKey"].take();
        assert_eq!(
            roster.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["guest"]
        );
    });
}

/// The alarm is written with the event, so what is not delivered brings the stream back.
#[test]
fn a_stream_that_dies_before_it_delivered_is_woken_by_its_alarm() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.listener.forget();
        *guest.subscribes.borrow_mut() = Some(json!({ "replayAfterOffset": 4 }));
        world.on_call(|call| match &*call.method {
            "processEventBatch" => Fate::RequestLost,
            _ => Fate::Arrives,
        });
        stream.append_many("test/x", 1).await;
        world.crash(&stream.name);
        world.on_call(|_| Fate::Arrives);
        assert_eq!(guest.listener.all_offsets(), [0u64; 0]);
        world.pass_ms(11_000).await;
        assert_eq!(world.incarnation(&stream.name), 2);
        assert!(guest.listener.all_offsets().starts_with(&[5]));
    });
}

#[test]
fn an_unanswered_delivery_keeps_the_alarm() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.listener.silent.set(true);
        domain_event(&stream).await;
        world.pass_ms(60_000).await;
        assert!(world.disk(&stream.name).alarm().is_some());
        assert_eq!(guest.dials(), 1, "slow is not dead");
    });
}

/// Side effects are of live events: what is replayed on a wake dials once, not once per event.
#[test]
fn recovery_runs_no_side_effects() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        for _ in 0..3 {
            stream.append(configured()).await;
        }
        world.crash(&stream.name);
        world.disk(&stream.name).tamper("state", None);
        stream.runtime_state().await;
        world.settle().await;
        assert_eq!(guest.dials(), 2);
        assert_eq!(stream.count(&WOKEN).await, 2);
    });
}

/// A stream that dials a guest under the key `k`, and an adder that is ready to succeed it.
/// Each handshake of the guest takes so long.
async fn before_the_change(world: &World, takes_ms: u64) -> (Stream, Rc<Guest>, Rc<Orders>) {
    let orders = Orders::host(world, &["adder"]);
    let guest = Guest::move_in(world);
    guest.takes_ms.set(takes_ms);
    let stream = world.stream("p1:/a");
    stream
        .append(json!([configure("k", "GUEST", "p1:/a", "x")]))
        .await;
    (stream, guest, orders)
}

async fn change_target(stream: &Stream) {
    stream
        .append(json!([configure("k", "ADDER", "p1:/a", "adder")]))
        .await;
}

/// B-16.
#[test]
fn a_key_that_gets_another_target_is_dialed_there() {
    run(|world| async move {
        let (stream, guest, orders) = before_the_change(&world, 0).await;
        world.settle().await;
        change_target(&stream).await;
        world.settle().await;
        let story = stream.story(5).await;
        let expected = [
            "subscription-configured",
            "subscriber-disconnected replaced",
            "subscriber-connected outbound",
        ];
        assert_eq!(story, expected);
        let seen = guest.listener.all_offsets();
        stream.append(json!([add(5)])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(
            guest.listener.all_offsets(),
            seen,
            "the old one hears no more"
        );
    });
}

#[test]
fn a_target_that_changes_during_a_dial_is_dialed_as_well() {
    run(|world| async move {
        let (stream, guest, orders) = before_the_change(&world, 3_000).await;
        world.settle().await;
        change_target(&stream).await;
        stream.append(json!([add(5)])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 5, "it does not wait for the old dial");
        world.pass_ms(5_000).await;
        let opened = guest.opened.borrow_mut().take().expect("it tried");
        assert_eq!(opened.unwrap_err().code(), Some("superseded"));
        stream.append(json!([add(7)])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 12);
    });
}

#[test]
fn a_new_configuration_dials_who_was_left_alone() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.unsubscribe();
        world.settle().await;
        stream.append(configured()).await;
        world.settle().await;
        assert_eq!(guest.dials(), 2);
    });
}

/// An inbound subscriber may have the key of a configured one; its leaving is nobody's poison.
#[test]
fn an_inbound_subscriber_that_leaves_parks_nobody() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        let (listener, context) = (Listener::new(), world.client("reader"));
        let opened = listener
            .subscribe(&stream, &context, json!({ "subscriptionKey": "guest" }))
            .await
            .unwrap();
        let handle = Target::Capability(opened.capability("subscription").unwrap());
        let unsubscribed = context
            .stub_to(handle)
            .call("unsubscribe", Arguments::new());
        unsubscribed.await.unwrap();
        world.pass_ms(11_000).await;
        assert_eq!(guest.dials(), 2, "the configured one is dialed by time");
    });
}

/// It answers the dial, and does not subscribe: that is no error, and it will be no other next time.
#[test]
fn a_callable_that_never_subscribes_is_dialed_ever_less_often() {
    run(|world| async move {
        let guest = Guest::move_in(&world);
        *guest.subscribes.borrow_mut() = None;
        let stream = world.stream("p1:/a");
        stream.append(configured()).await;
        world.pass_ms(3_600_000).await;
        let dials = guest.dials();
        assert!((10..=20).contains(&dials), "{dials} dials in an hour");
        domain_event(&stream).await;
        assert_eq!(guest.dials(), dials + 1, "an event dials at once");
        world.pass_ms(11_000).await;
        assert_eq!(guest.dials(), dials + 2, "and the patience begins anew");
    });
}
