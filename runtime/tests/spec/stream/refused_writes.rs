//! A storage that refuses a write: whoever asked for it hears so, nothing is half done, and the next
//! try finds everything as it was.

use crate::support::{
    adder::{add, connected_adder, Orders},
    configure, run, World,
};
use runtime::{
    call::{CallError, ObjectName},
    platform::Key,
    stream::contract::{ERROR_OCCURRED, SUBSCRIBER_CONNECTED},
};
use serde_json::json;
use std::cell::Cell;

/// From now on the `n`th write to an object's storage is refused, from 0; and so many after it.
fn refuse(world: &World, object: &ObjectName, n: u32, count: u32) {
    let writes = Cell::new(0);
    world.disk(object).refuse(move |_, _| {
        let this = writes.replace(writes.get() + 1);
        (n..n + count).contains(&this)
    });
}

/// The first `count` writes of values whose key begins so are refused.
fn refuse_key(world: &World, object: &ObjectName, prefix: &'static str, count: u32) {
    let left = Cell::new(count);
    world.disk(object).refuse(move |_, key| {
        let is_such = matches!(key, Key::Text(text) if text.starts_with(prefix));
        if is_such && left.get() > 0 {
            left.set(left.get() - 1);
            return true;
        }
        false
    });
}

fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, CallError>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), Some(CallError::STORAGE), "{error}");
    assert!(error.is_transient());
}

#[test]
fn an_append_is_refused_whole_at_each_of_its_writes() {
    let batch = || {
        json!([
            { "type": "x", "idempotencyKey": "one" },
            { "type": "y", "idempotencyKey": "other" },
        ])
    };
    // Two events of three rows each, and the core state.
    for n in 0..7 {
        run(move |world| async move {
            let stream = world.stream("p1:/a");
            stream.append(json!([{ "type": "before" }])).await;
            let (log, state) = (stream.log().await, stream.state().await);
            refuse(&world, &stream.name, n, 1);
            assert_refused(stream.try_append(batch()).await);
            assert_eq!(stream.log().await, log);
            assert_eq!(stream.state().await, state);
            assert_eq!(stream.append(batch()).await, [4, 5]);
            let (log, state) = (stream.log().await, stream.state().await);
            stream.restart().await;
            assert_eq!(stream.log().await[..5], log);
            assert_eq!(stream.state().await["createdAt"], state["createdAt"]);
        });
    }
}

#[test]
fn a_stream_that_cannot_write_its_first_events_is_woken_by_the_next_call() {
    // `created` is three writes, and so is `woken`.
    for n in 0..6 {
        run(move |world| async move {
            let stream = world.stream("p1:/a");
            refuse(&world, &stream.name, n, 1);
            let first = stream.try_append(json!([{ "type": "x" }])).await;
            assert!(first.is_err_and(|error| error.is_transient()));
            stream.append(json!([{ "type": "x" }])).await;
            assert_eq!(world.incarnation(&stream.name), 2);
            assert_eq!(stream.story(1).await, ["created", "woken", "x"]);
        });
    }
}

#[test]
fn a_connection_that_the_log_does_not_tell_of_is_not_opened() {
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        let stream = world.stream("p1:/a");
        stream.append(json!([add(5)])).await;
        let configured = configure("adder", "ADDER", "p1:/a", "adder");
        // The configuration is three writes; the next ones are those of the presence fact.
        refuse(&world, &stream.name, 3, 1);
        stream.append(json!([configured])).await;
        world.settle().await;
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 0);
        assert_eq!(orders.total(&world), 0);
        assert_eq!(
            stream.runtime_state().await["runtime"]["connections"],
            json!({})
        );
        world.pass_ms(20_000).await;
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 1);
        assert_eq!(orders.total(&world), 5);
    });
}

#[test]
fn a_handshake_that_cannot_be_stored_fails_and_is_tried_again() {
    for key in [
        "stream-processor-log-created-at",
        "stream-processor:adder:side-effects-after-offset",
        "stream-processor:adder:subscription-key",
    ] {
        run(move |world| async move {
            let orders = Orders::host(&world, &["adder"]);
            refuse_key(&world, &orders.name, key, 1);
            let stream = world.stream("p1:/a");
            let configured = configure("adder", "ADDER", "p1:/a", "adder");
            stream.append(json!([configured])).await;
            world.settle().await;
            assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 0, "{key}");
            stream.append(json!([add(5)])).await;
            world.pass_ms(20_000).await;
            assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 1, "{key}");
            assert_eq!(orders.total(&world), 5);
        });
    }
}

/// However often: it is the disk's failure, and not the batch's.
#[test]
fn a_checkpoint_that_cannot_be_written_fails_its_batch_and_is_no_poison() {
    for refusals in [1, 4, 9] {
        run(move |world| async move {
            let (stream, orders) = connected_adder(&world).await;
            refuse_key(
                &world,
                &orders.name,
                "stream-processor:adder:snapshot",
                refusals,
            );
            stream.append(json!([add(5)])).await;
            world.pass_ms(120_000).await;
            assert_eq!(orders.total(&world), 5);
            assert_eq!(stream.count(&ERROR_OCCURRED).await, 0);
        });
    }
}

#[test]
fn an_announcement_that_cannot_be_marked_as_done_is_made_again() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        refuse_key(&world, &stream.name, "announcedToAncestors", 1);
        stream.append(json!([{ "type": "x" }])).await;
        world.settle().await;
        let announced = world.calls("append");
        world.pass_ms(20_000).await;
        assert_eq!(world.calls("append"), announced + 1);
        world.pass_ms(60_000).await;
        assert_eq!(world.calls("append"), announced + 1);
    });
}

#[test]
fn a_reset_that_is_refused_leaves_the_stream_as_it_is() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.append(json!([{ "type": "x" }])).await;
        let log = stream.log().await;
        refuse(&world, &stream.name, 0, 1);
        assert_refused(stream.ask("reset", json!({})).await);
        assert_eq!(stream.log().await, log);
    });
}
