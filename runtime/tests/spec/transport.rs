//! Values of a call (design §1, Ports): shared within a process, JSON between machines; who receives
//! them cannot tell.

use crate::support::{
    adder::{add, connected_adder, SUM},
    code, json_transport, run, Guest, Listener,
};
use runtime::{
    call::{Argument, Arguments, Capability, ObjectName},
    event::{Event, EventInput, EventType, Offset, StreamName},
    stream::StreamClient,
};
use serde_json::json;
use std::sync::Arc;

fn input() -> EventInput {
    EventInput::new(EventType::of("test/x"), json!({ "ä": [1, null] })).keyed("k")
}

#[test]
fn a_shared_value_is_received_as_it_is() {
    let sent = Arc::new(input());
    let received = Argument::shared(sent.clone()).to_shared::<EventInput>();
    assert!(Arc::ptr_eq(&received.unwrap(), &sent));
}

#[test]
fn json_is_received_as_the_value_that_was_sent() {
    let sent = Arc::new(vec![Arc::new(input())]);
    let written = json_transport::argument(&Argument::shared(sent.clone()));
    assert!(matches!(written, Argument::Json(_)));
    assert_eq!(written.to_shared::<Vec<Arc<EventInput>>>().unwrap(), sent);
}

#[test]
fn a_value_of_another_type_is_judged_by_its_json() {
    let shared = Argument::shared(Arc::new(input()));
    for sent in [json_transport::argument(&shared), shared] {
        assert_eq!(code(sent.to_shared::<Event>()), "invalid-argument");
        assert!(sent.to_shared::<EventInput>().is_ok());
    }
}

#[test]
fn a_capability_is_no_value() {
    let capability = Argument::Capability(Capability {
        object: ObjectName::new("STREAM", "p1:/a"),
        incarnation: 1,
        export: 1,
    });
    assert_eq!(code(capability.to_shared::<Event>()), "invalid-argument");
    let arguments = Arguments::new().with("events", capability);
    let refused = arguments.shared::<Vec<Arc<Event>>>("events").unwrap_err();
    assert!(refused.to_string().contains("events"), "{refused}");
}

#[test]
fn a_client_appends_and_reads_over_json() {
    run(|world| async move {
        world.write_json();
        let client = world.client("client");
        let stream = StreamClient::named(&client, &StreamName::parse("p1:/a").unwrap());
        let appended = stream.append_batch(None, vec![input()]).await.unwrap();
        assert_eq!(appended[0].offset, Offset(3));
        let read = stream.events(Offset(2), None).await.unwrap();
        assert_eq!(read, appended);
    });
}

#[test]
fn batches_are_delivered_over_json() {
    run(|world| async move {
        world.write_json();
        let (stream, listener) = (world.stream("p1:/a"), Listener::new());
        stream.append_many("test/x", 3).await;
        let from_the_start = json!({ "replayAfterOffset": 0 });
        let client = world.client("listener");
        let subscribed = listener.subscribe(&stream, &client, from_the_start).await;
        subscribed.expect("it is taken");
        assert_eq!(listener.all_offsets(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(json!(*listener.last().state), stream.state().await);
    });
}

#[test]
fn a_host_is_dialed_and_ingests_over_json() {
    run(|world| async move {
        world.write_json();
        let (stream, adder) = connected_adder(&world).await;
        stream.append(json!([add(5), add(7)])).await;
        world.settle().await;
        assert_eq!(adder.total(&world), 12);
        assert_eq!(stream.count(&SUM).await, 2);
        adder.failures.set(1);
        stream.append(json!([add(30)])).await;
        world.settle().await;
        assert_eq!(adder.total(&world), 42, "replayed from the checkpoint");
        stream.restart().await;
        world.crash(&adder.name);
        stream.append(json!([add(8)])).await;
        world.pass_ms(11_000).await;
        assert_eq!(adder.total(&world), 50);
    });
}

#[test]
fn a_handshake_arrives_whole_over_json() {
    run(|world| async move {
        world.write_json();
        let guest = Guest::move_in(&world);
        let stream = world.stream("p1:/a");
        let configured = crate::support::configure("guest", "GUEST", "p1:/a", "guest");
        stream.append(json!([configured])).await;
        world.settle().await;
        let dials = guest.dials.borrow();
        let configured = dials[0].require("subscriptionConfiguredEvent").unwrap();
        let configured: Arc<runtime::stream::ConfiguredEvent> = configured.to_shared().unwrap();
        assert_eq!(configured.offset, Offset(3));
        assert_eq!(guest.listener.all_offsets(), [1, 2, 3, 4]);
    });
}
