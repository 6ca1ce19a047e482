//! The host's own rules (spec §3.1–3.4, §3.6).

use crate::support::{
    adder::{add, connected_adder, Orders, SUM},
    configure, run, World,
};
use runtime::{
    call::{Arguments, CallError},
    platform::Target,
    processor::ProcessorHost,
    stream::contract::SUBSCRIBER_CONNECTED,
};
use serde_json::{json, Value};

async fn runtime_state(world: &World, orders: &Orders, fields: Value) -> Result<Value, CallError> {
    let client = world.client("asker");
    let stub = client.stub_to(Target::Object(orders.name.clone()));
    let mut arguments = Arguments::new();
    for (name, value) in fields.as_object().expect("named arguments") {
        arguments = arguments.json(name.clone(), value);
    }
    let answer = stub.call("runtimeState", arguments).await?;
    Ok(answer.to_json().expect("a JSON answer"))
}

fn message(outcome: Result<Value, CallError>) -> String {
    outcome.expect_err("it is refused").to_string()
}

#[test]
#[should_panic(expected = "processor name \"twice\" is taken")]
fn a_name_is_given_once() {
    run(|world| async move {
        Orders::host(&world, &["twice", "twice"]);
        world
            .stream("p1:/a")
            .append(json!([configure("k", "ADDER", "p1:/a", "twice")]))
            .await;
        world.settle().await;
        panic!("{}", world.take_panics().concat());
    });
}

#[test]
#[should_panic(expected = "a host is named after its stream")]
fn a_host_is_named_after_its_stream() {
    run(|world| async move {
        ProcessorHost::new(world.client("nameless"));
    });
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    run(|world| async move {
        let orders = Orders::host(&world, &["one", "two"]);
        let unknown = json!({ "processorName": "three" });
        let refused = message(runtime_state(&world, &orders, unknown).await);
        assert!(
            refused.contains("\"three\"") && refused.ends_with("one, two"),
            "{refused}"
        );
    });
}

#[test]
fn only_a_single_processor_needs_no_name() {
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        let state = runtime_state(&world, &orders, json!({})).await.unwrap();
        assert_eq!(state["processorName"], "adder");
    });
    run(|world| async move {
        let orders = Orders::host(&world, &["one", "two"]);
        message(runtime_state(&world, &orders, json!({})).await);
        let two = json!({ "processorName": "two" });
        let state = runtime_state(&world, &orders, two).await.unwrap();
        assert_eq!(state["processorName"], "two");
    });
}

#[test]
fn appending_before_the_first_handshake_is_an_error() {
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        orders.appends_at_once.set(true);
        runtime_state(&world, &orders, json!({})).await.unwrap();
        world.settle().await;
        let refused = orders.appended_at_once.borrow().clone().expect("it tried");
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("has no stream subscription yet"),
            "{refused}"
        );
        assert_eq!(world.calls("appendBatch"), 0);
    });
}

#[test]
fn runtime_state_tells_of_the_subscription_after_the_handshake_of_this_incarnation() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        stream.append(json!([add(5)])).await;
        world.settle().await;
        let expected = json!({
            "processorName": "adder",
            "snapshot": { "offset": 5, "state": { "total": 5, "count": 1 } },
            "subscription": {
                "subscriptionKey": "adder",
                "namespace": "p1",
                "path": "/a",
                "sideEffectsAfterOffset": 3,
            },
        });
        assert_eq!(
            runtime_state(&world, &orders, json!({})).await.unwrap(),
            expected
        );
    });
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        let state = runtime_state(&world, &orders, json!({})).await.unwrap();
        assert_eq!(
            state,
            json!({ "processorName": "adder" }),
            "nothing is known yet"
        );
    });
}

#[test]
fn it_subscribes_with_what_it_consumes_and_says_who_it_is() {
    run(|world| async move {
        let (stream, _) = connected_adder(&world).await;
        let payload = stream.events_of(&SUBSCRIBER_CONNECTED).await[0]
            .payload
            .clone()
            .unwrap();
        let subscriber = &payload["subscriber"];
        assert_eq!(subscriber["incarnationId"].as_str().unwrap().len(), 36);
        let announcement = json!({
            "slug": "adder",
            "version": "0.1.0",
            "description": "Adds.",
            "consumes": ["test/add"],
            "emits": ["test/sum"],
            "ownedEvents": [
                { "type": "test/add", "description": "a number" },
                { "type": "test/sum", "description": "the sum so far" },
            ],
        });
        assert_eq!(subscriber["processor"], announcement);
        let state = stream.state().await;
        assert_eq!(
            state["processorsBySlug"]["adder"]["announcement"],
            announcement
        );
    });
}

#[test]
fn every_processor_of_an_object_has_a_connection_of_its_own() {
    run(|world| async move {
        Orders::host(&world, &["one", "two"]);
        let stream = world.stream("p1:/a");
        let configured = ["one", "two"].map(|name| configure(name, "ADDER", "p1:/a", name));
        stream.append(json!(configured)).await;
        world.settle().await;
        assert_eq!(stream.count(&SUBSCRIBER_CONNECTED).await, 2);
        let roster = stream.state().await["connectionsByKey"].take();
        assert_eq!(roster.as_object().unwrap().len(), 2);
    });
}

#[test]
fn the_anchor_is_that_of_the_first_handshake_and_the_key_that_of_the_last() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        let disk = world.disk(&orders.name);
        let stored = |what: &str| disk.kv(&format!("stream-processor:adder:{what}"));
        assert_eq!(stored("side-effects-after-offset").as_deref(), Some("3"));
        assert_eq!(stored("subscription-key").as_deref(), Some("\"adder\""));
        stream
            .append(json!([configure("other", "ADDER", "p1:/a", "adder")]))
            .await;
        world.settle().await;
        assert_eq!(stored("side-effects-after-offset").as_deref(), Some("3"));
        assert_eq!(stored("subscription-key").as_deref(), Some("\"other\""));
    });
}

#[test]
fn an_object_that_ingests_is_busy() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        orders.takes_ms.set(500);
        stream.append(json!([add(5)])).await;
        world.settle().await;
        assert!(!world.is_idle(&orders.name));
        world.pass_ms(1_000).await;
        assert!(world.is_idle(&orders.name));
    });
}

/// Effects above the anchor are due again; they are keyed by what caused them.
#[test]
fn a_processor_that_discards_its_checkpoint_begins_anew_under_its_old_anchor() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        stream.append(json!([add(5), add(7)])).await;
        world.settle().await;
        world.crash(&orders.name);
        orders.discards.set(true);
        stream.append(json!([add(8)])).await;
        world.settle().await;
        let expected = json!({ "total": 20, "count": 3 });
        assert_eq!(orders.snapshot(&world)["state"], expected);
        assert_eq!(stream.count(&SUM).await, 3);
        let anchor = "stream-processor:adder:side-effects-after-offset";
        assert_eq!(world.disk(&orders.name).kv(anchor).as_deref(), Some("3"));
    });
}
