//! Poison is given up on, and said.

use super::*;

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
