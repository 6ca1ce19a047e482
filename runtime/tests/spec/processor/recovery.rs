//! Failed batches, dead subscribers, overlapping handshakes (spec §3.5, §7.2; B-08, B-20, B-24, X-8,
//! X-9), with real streams and real hosts.

use crate::support::{
    adder::{add, connected_adder, Failing, Orders, SUM},
    configure, run, Call, Fate, Guest, Stream, World,
};
use runtime::{
    call::Arguments,
    event::StreamPath,
    platform::{NoteKind, Target},
    stream::contract::{ERROR_OCCURRED, SUBSCRIBER_CONNECTED},
};
use serde_json::{json, Value};
use std::rc::Rc;

/// The sums that were said, ascending: those of one batch are said concurrently.
async fn sums(stream: &Stream) -> Vec<u64> {
    let sums = stream.events_of(&SUM).await.into_iter();
    let mut sums: Vec<u64> = sums
        .map(|event| event.payload.and_then(|sum| sum.as_u64()).unwrap())
        .collect();
    sums.sort();
    sums
}

async fn append(stream: &Stream, number: u64) {
    stream.append(json!([add(number)])).await;
    stream.world.settle().await;
}

#[test]
fn numbers_add_up() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        append(&stream, 5).await;
        append(&stream, 7).await;
        assert_eq!(orders.total(&world), 12);
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

/// What comes before the subscription is reduced, but nothing is said of it.
#[test]
fn attaching_to_an_old_stream_fires_no_effects() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        append(&stream, 5).await;
        let (stream, orders) = connected_adder(&world).await;
        append(&stream, 7).await;
        assert_eq!(orders.total(&world), 12);
        assert_eq!(sums(&stream).await, [12]);
    });
}

/// T1: the next batch is on its way when the first one fails.
#[test]
fn t1_a_batch_that_failed_once_is_not_skipped_by_the_next() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(1);
        let both = [
            stream.append(json!([add(5)])),
            stream.append(json!([add(7)])),
        ];
        futures_util::future::join_all(both).await;
        world.settle().await;
        assert_eq!(
            orders.snapshot(&world)["state"],
            json!({ "total": 12, "count": 2 })
        );
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

#[test]
fn batches_that_queue_behind_a_failed_one_are_replayed_in_order() {
    for failures in 1..=3 {
        run(move |world| async move {
            let (stream, orders) = connected_adder(&world).await;
            orders.failures.set(failures);
            orders.takes_ms.set(20);
            for number in 1..=5 {
                stream.append(json!([add(number)])).await;
            }
            world.pass_ms(5_000).await;
            let state = json!({ "total": 15, "count": 5 });
            assert_eq!(orders.snapshot(&world)["state"], state);
            assert_eq!(sums(&stream).await, [1, 3, 6, 10, 15]);
            assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
        });
    }
}

/// T1b: poison is given up on after the fourth failure, and says so.
#[test]
fn t1b_a_poison_batch_is_given_up_on_after_four_failures() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(100);
        append(&stream, 5).await;
        world.pass_ms(120_000).await;
        assert_eq!(orders.failures.get(), 96);
        assert_eq!(orders.total(&world), 0);
        assert_eq!(sums(&stream).await, [0u64; 0]);
        let errors = stream.events_of(&ERROR_OCCURRED).await;
        assert_eq!(errors.len(), 1);
        let key = errors[0].idempotency_key.as_ref().unwrap();
        assert_eq!(key.as_str(), "processor-ingest-failed:adder:0");
        let payload = errors[0].payload.clone().unwrap();
        let message = payload["message"].as_str().unwrap();
        assert!(
            message.contains("gave up after 4 failed ingest attempts at offset 0"),
            "{message}"
        );
        assert_eq!(payload["error"], json!({ "message": "told to" }));
        let is_poison = |kind: &NoteKind| matches!(kind, NoteKind::Poisoned { offset: 0 });
        assert_eq!(world.notes(is_poison).len(), 1);
        let story = stream.story(1).await;
        assert_eq!(
            story.last().unwrap(),
            "subscriber-disconnected unsubscribed"
        );
    });
}

/// every domain event tries again, at a bounded cost, and the error is said once.
#[test]
fn a_given_up_processor_is_tried_again_with_each_domain_event() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(100);
        append(&stream, 5).await;
        for _ in 0..3 {
            let before = stream.log().await.len();
            append(&stream, 1).await;
            world.pass_ms(60_000).await;
            let grown = stream.log().await.len() - before;
            assert_eq!(
                grown,
                1 + 4 + 4,
                "the event, and four times coming and going"
            );
        }
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 1);
        orders.failures.set(0);
        append(&stream, 1).await;
        assert_eq!(orders.total(&world), 9);
        assert_eq!(sums(&stream).await, [5, 6, 7, 8, 9]);
    });
}

/// batches that are on their way behind the poison find nobody to take them. That must not look
/// to the stream like a subscriber that wants to be dialed again.
#[test]
fn a_processor_that_gives_up_is_left_alone_although_more_was_on_its_way() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(u32::MAX);
        orders.takes_ms.set(5);
        for number in 1..=150 {
            stream.append(json!([add(number)])).await;
        }
        // The second half of a replay comes while the host says that the first one is poison.
        let mut batches = 0;
        world.on_call(move |call| match &*call.method {
            "processEventBatch" => {
                batches += 1;
                Fate::Late(20 * (batches % 2))
            }
            "appendBatch" => Fate::Late(50),
            _ => Fate::Arrives,
        });
        world.pass_ms(5_000).await;
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 1);
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 4);
    });
}

/// What is replayed begins with a whole batch that is filtered out, so the initial push is empty. That
/// it is taken is no success: neither the host nor the stream begins to count anew.
#[test]
fn an_initial_push_of_nothing_does_not_forget_failures() {
    for (failing, connections_max) in [
        (Failing::ByItself, 4),
        (Failing::Transiently, 4 * (3 + 2 + 2)),
    ] {
        run(move |world| async move {
            let (stream, orders) = connected_adder(&world).await;
            orders.failing.set(failing);
            orders.failures.set(u32::MAX);
            orders.takes_ms.set(5);
            let others: Vec<Value> = (0..150).map(|_| json!({ "type": "test/other" })).collect();
            stream.append(json!(others)).await;
            append(&stream, 5).await;
            world.pass_ms(15_000).await;
            let connections = stream.count(&SUBSCRIBER_CONNECTED).await;
            assert!(
                connections <= connections_max,
                "{failing:?}: {connections} connections"
            );
        });
    }
}

#[test]
fn a_success_forgets_earlier_failures() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        for number in 1..=3 {
            orders.failures.set(3);
            append(&stream, number).await;
        }
        assert_eq!(orders.total(&world), 6);
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
    });
}

#[test]
fn a_batch_that_fails_for_the_sake_of_others_is_never_poison() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failing.set(Failing::Transiently);
        orders.failures.set(30);
        append(&stream, 5).await;
        world.pass_ms(5 * 60_000).await;
        assert_eq!(orders.failures.get(), 0);
        assert_eq!(orders.total(&world), 5);
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
        let connections = stream.count(&SUBSCRIBER_CONNECTED).await;
        assert!(
            connections <= 34,
            "{connections} connections for 30 failures"
        );
    });
}

/// The word that a batch is poison gets lost: it must not be lost for good.
#[test]
fn giving_up_is_repeated_if_nobody_heard_of_it() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(100);
        let mut lost = 0;
        world.on_call(move |call| match &*call.method {
            "appendBatch" if &*call.target.binding == "STREAM" && lost < 2 => {
                lost += 1;
                // The first is the test's own.
                if lost == 1 {
                    Fate::Arrives
                } else {
                    Fate::RequestLost
                }
            }
            _ => Fate::Arrives,
        });
        append(&stream, 5).await;
        world.pass_ms(60_000).await;
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 1);
    });
}

#[test]
fn redial_a_an_aborted_subscriber_is_succeeded_by_a_fresh_one() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        append(&stream, 5).await;
        world.crash(&orders.name);
        append(&stream, 7).await;
        assert_eq!(world.incarnation(&orders.name), 2);
        let state = &orders.snapshot(&world)["state"];
        assert_eq!(*state, json!({ "total": 12, "count": 2 }));
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

#[test]
fn redial_b_the_durable_checkpoint_passes_what_came_after_the_abort() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        append(&stream, 5).await;
        world.crash(&orders.name);
        let after = stream.append(json!([add(7)])).await[0];
        world.settle().await;
        assert!(orders.snapshot(&world)["offset"].as_u64() >= Some(after));
    });
}

#[test]
fn a_subscriber_that_dies_within_a_batch_takes_it_up_again() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.takes_ms.set(500);
        append(&stream, 5).await;
        world.crash(&orders.name);
        world.pass_ms(2_000).await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(sums(&stream).await, [5]);
    });
}

#[test]
fn a_stream_that_dies_is_reached_by_name_until_it_dials() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.takes_ms.set(500);
        append(&stream, 5).await;
        world.crash(&stream.name);
        world.pass_ms(15_000).await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(sums(&stream).await, [5]);
        append(&stream, 7).await;
        world.pass_ms(2_000).await;
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

/// A stream whose handshakes the test passes on to the adder itself.
async fn relayed(world: &World) -> (Stream, Rc<Guest>, Rc<Orders>) {
    let orders = Orders::host(world, &["adder"]);
    let guest = Guest::move_in(world);
    *guest.subscribes.borrow_mut() = None;
    let stream = world.stream("p1:/a");
    stream
        .append(json!([configure("adder", "GUEST", "p1:/a", "adder")]))
        .await;
    world.settle().await;
    (stream, guest, orders)
}

/// Passes the newest handshake on.
fn shake_hands(stream: &Stream, guest: &Guest, orders: &Orders) {
    let handshake: Arguments = guest.dials.borrow().last().expect("a dial").clone();
    let stub = stream.client.stub_to(Target::Object(orders.name.clone()));
    drop(stub.call("requestStreamSubscription", handshake));
}

/// the older of two overlapping handshakes opens its connection last, and so owns it. Its
/// deliveries are refused, and the stream dials anew.
#[test]
fn of_overlapping_handshakes_a_live_connection_is_left() {
    run(|world| async move {
        let (stream, guest, orders) = relayed(&world).await;
        let mut opened = 0;
        world.on_call(move |call| match &*call.method {
            "subscribeOutbound" => {
                opened += 1;
                if opened == 1 {
                    Fate::Late(500)
                } else {
                    Fate::Arrives
                }
            }
            _ => Fate::Arrives,
        });
        shake_hands(&stream, &guest, &orders);
        shake_hands(&stream, &guest, &orders);
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5, "the newer one delivers");
        world.pass_ms(1_000).await;
        let story = stream.story(1).await;
        assert!(story.contains(&"subscriber-disconnected replaced".to_owned()));
        assert_eq!(
            story.last().unwrap(),
            "subscriber-disconnected delivery-failed"
        );
        let dials = guest.dials();
        assert!(dials >= 2, "the stream dials anew");
        shake_hands(&stream, &guest, &orders);
        append(&stream, 7).await;
        assert_eq!(orders.total(&world), 12);
        let roster: Value = stream.state().await["connectionsByKey"].take();
        assert!(roster["adder"].is_object());
    });
}

#[test]
fn the_newer_of_two_handshakes_in_order_keeps_its_connection() {
    run(|world| async move {
        let (stream, guest, orders) = relayed(&world).await;
        shake_hands(&stream, &guest, &orders);
        shake_hands(&stream, &guest, &orders);
        world.settle().await;
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5);
        let story = stream.story(1).await;
        assert!(
            !story.contains(&"subscriber-disconnected delivery-failed".to_owned()),
            "{story:?}"
        );
        assert!(
            !story.contains(&"subscriber-disconnected unsubscribed".to_owned()),
            "{story:?}"
        );
    });
}

/// A handshake of a dead incarnation comes late, and costs the live connection its callback.
#[test]
fn a_late_handshake_of_a_dead_stream_does_not_mute_the_live_one() {
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        let mut dials = 0;
        world.on_call(move |call| match &*call.method {
            "requestStreamSubscription" => {
                dials += 1;
                if dials == 1 {
                    Fate::Late(500)
                } else {
                    Fate::Arrives
                }
            }
            _ => Fate::Arrives,
        });
        let stream = world.stream("p1:/a");
        stream
            .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
            .await;
        stream.restart().await;
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5);
        world.pass_ms(1_000).await;
        append(&stream, 7).await;
        world.pass_ms(11_000).await;
        assert_eq!(orders.total(&world), 12);
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

/// Every call of a conversation is lost once, on its way there or on its way back.
#[test]
fn no_single_lost_call_loses_a_number() {
    for fate in [Fate::RequestLost, Fate::ReplyLost] {
        for lost in 0..12 {
            let fate = fate.clone();
            run(move |world| async move {
                let mut calls = 0;
                world.on_call(move |call| {
                    // The test's own calls are the client's to repeat.
                    let is_own = matches!(&*call.method, "runtimeState" | "getEvents");
                    calls += u32::from(!is_own);
                    if calls == lost + 3 && !is_own {
                        fate.clone()
                    } else {
                        Fate::Arrives
                    }
                });
                let orders = Orders::host(&world, &["adder"]);
                let stream = world.stream("p1:/a");
                for event in [
                    configure("adder", "ADDER", "p1:/a", "adder"),
                    add(5),
                    add(7),
                ] {
                    let mut event = event;
                    event["idempotencyKey"] = json!(event.to_string());
                    while stream.try_append(json!([event])).await.is_err() {}
                    world.settle().await;
                }
                world.pass_ms(60_000).await;
                assert_eq!(orders.total(&world), 12, "call {lost} lost");
                assert_eq!(sums(&stream).await, [5, 12], "call {lost} lost");
                assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
            });
        }
    }
}

/// batches that follow the poison one are on their way when the host gives up. Were they refused
/// before the stream knows, it would dial at once, and replay a longer log each time.
#[test]
fn giving_up_with_more_batches_on_their_way_is_giving_up() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(10_000);
        let numbers: Vec<Value> = (0..250).map(|_| add(1)).collect();
        stream.append(json!(numbers)).await;
        world.pass_ms(60_000).await;
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 1);
        assert!(stream.count(&SUBSCRIBER_CONNECTED).await <= 5);
        let story = stream.story(1).await;
        assert_eq!(
            story.last().unwrap(),
            "subscriber-disconnected unsubscribed"
        );
    });
}

/// What fails for the sake of others is dialed at once a few times, and then by the alarm only, ever
/// less often.
#[test]
fn a_long_transient_failure_does_not_make_the_log_grow_fast() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failing.set(Failing::Transiently);
        orders.failures.set(10_000);
        append(&stream, 5).await;
        world.pass_ms(100_000).await;
        let connections = stream.count(&SUBSCRIBER_CONNECTED).await;
        assert!(
            connections <= 4 * (1 + 3 + 4),
            "{connections} connections in 100 s"
        );
        orders.failures.set(0);
        world.pass_ms(100_000).await;
        assert_eq!(orders.total(&world), 5);
    });
}

fn change(kind: &str) -> Value {
    json!({ "type": format!("events.iterate.com/stream/{kind}"), "payload": {} })
}

/// a pause makes every append fail, and is no poison.
#[test]
fn a_batch_that_fails_because_the_stream_is_paused_waits_until_it_is_resumed() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        stream.append(json!([add(5), change("paused")])).await;
        world.pass_ms(600_000).await;
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
        let connections = stream.count(&SUBSCRIBER_CONNECTED).await;
        assert_eq!(connections, 1, "nobody is dialed meanwhile");
        assert_eq!(world.disk(&stream.name).alarm(), None);
        stream.append(json!([change("resumed")])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(sums(&stream).await, [5]);
    });
}

/// The stream forgets in memory whom it does not dial; its next incarnation finds out again.
#[test]
fn a_paused_stream_that_wakes_dials_once_and_is_resumed_as_well() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        stream.append(json!([add(5), change("paused")])).await;
        world.settle().await;
        stream.restart().await;
        world.pass_ms(600_000).await;
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 2);
        stream.append(json!([change("resumed")])).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 5);
    });
}

/// The refusal is on its way to the stream when that is resumed.
#[test]
fn a_stream_that_was_resumed_meanwhile_dials_at_once() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.takes_ms.set(100);
        stream.append(json!([add(5), change("paused")])).await;
        let late = |_: &Call| Fate::Late(50);
        world.on_call(late);
        world.pass_ms(60).await;
        stream.append(json!([change("resumed")])).await;
        world.pass_ms(2_000).await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
    });
}

/// The own stream learns nothing of another's pause: to wait for its end would be to dial for ever.
#[test]
fn a_batch_that_fails_because_another_stream_is_paused_is_given_up_on() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        let other = world.stream("p1:/b");
        let to = StreamPath::parse("/b").expect("a path");
        *orders.sums_to.borrow_mut() = Some(to);
        other.append(json!([change("paused")])).await;
        append(&stream, 5).await;
        world.pass_ms(3_600_000).await;
        let errors = stream.events_of(&ERROR_OCCURRED).await;
        assert_eq!(errors.len(), 1);
        let cause = &errors[0].payload.as_ref().unwrap()["error"]["message"];
        assert_eq!(*cause, "/b: stream paused: unknown reason");
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 4);
        assert_eq!(world.disk(&stream.name).alarm(), None);
        other.append(json!([change("resumed")])).await;
        append(&stream, 7).await;
        world.settle().await;
        assert_eq!(orders.total(&world), 12);
        assert_eq!(sums(&other).await, [5, 12]);
    });
}

/// What comes while the host is giving up, the batch that it gives up on has not seen.
#[test]
fn a_domain_event_that_comes_while_a_host_gives_up_dials_it_again() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(4);
        world.on_call(|call| match &*call.method {
            "unsubscribe" => Fate::Late(500),
            _ => Fate::Arrives,
        });
        append(&stream, 5).await;
        world.pass_ms(100).await;
        append(&stream, 7).await;
        world.pass_ms(2_000).await;
        assert_eq!(orders.total(&world), 12, "the failures were over");
    });
}

/// The stream dies and dials again while the host says that it gives up: the new connection replays the
/// batch, and is not the one to let go of.
#[test]
fn a_host_that_gives_up_keeps_a_connection_that_came_meanwhile() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.failures.set(4);
        // A sum that is said here would make the stream dial.
        *orders.sums_to.borrow_mut() = StreamPath::parse("/b").ok();
        orders.takes_ms.set(1_000);
        stream.append(json!([add(5)])).await;
        world.on_call(|call| match &*call.method {
            "requestStreamSubscription" => Fate::Late(1_000),
            "appendBatch" => Fate::Late(2_000),
            _ => Fate::Arrives,
        });
        world.pass_ms(3_500).await;
        stream.restart().await;
        world.pass_ms(10_000).await;
        assert_eq!(orders.total(&world), 5, "the failures were over");
        let roster: Value = stream.state().await["connectionsByKey"].take();
        assert!(roster["adder"].is_object());
    });
}

#[test]
fn a_host_is_dialed_by_its_own_stream_only() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        let other = world.stream("p1:/b");
        other
            .append(json!([
                configure("adder", "ADDER", "p1:/a", "adder"),
                add(9)
            ]))
            .await;
        append(&stream, 5).await;
        world.pass_ms(30_000).await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(other.count(&SUBSCRIBER_CONNECTED).await, 0);
        let refused = world.notes(|kind| *kind == NoteKind::Failure);
        assert!(refused
            .iter()
            .any(|note| note.contains("serves stream p1:/a")));
    });
}
