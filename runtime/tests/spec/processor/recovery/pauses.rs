//! A batch that fails because a stream is paused.

use super::*;

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
