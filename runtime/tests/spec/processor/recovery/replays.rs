//! A batch that fails is replayed from the checkpoint (B-20).

use super::*;

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
