//! Subscribers and streams that die, and calls that get lost (B-08, B-24).

use super::*;

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
