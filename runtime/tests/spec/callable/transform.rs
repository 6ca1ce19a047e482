//! What becomes of the payload (spec §4.2, step 3).

use super::{changed, on_stage, rpc, service, with, Stage};
use runtime::{
    call::{Argument, Arguments},
    callable::{dispatch, Callable, ErrorCode, Payload},
    event::Timestamp,
};
use serde_json::{json, Value};
use std::{rc::Rc, sync::Arc};

fn merging() -> Value {
    let base = json!({ "base": 1, "both": "base", "deep": { "a": 1 } });
    with(
        rpc(service()),
        "transformInput",
        json!({ "shallowMerge": base }),
    )
}

fn expression(jsonata: &str) -> Value {
    with(
        rpc(service()),
        "transformInput",
        json!({ "jsonata": jsonata }),
    )
}

/// What the target is called with.
async fn seen(stage: &Stage, descriptor: Value, payload: impl Into<Payload>) -> Value {
    let answer = stage.dispatch(descriptor, payload).await;
    answer.expect("it is called");
    stage.record.json()
}

#[test]
fn the_payload_wins_over_the_base_key_by_key() {
    on_stage(|stage| async move {
        let payload = json!({ "both": "payload", "deep": { "b": 2 }, "more": null });
        let expected = json!({ "base": 1, "both": "payload", "deep": { "b": 2 }, "more": null });
        assert_eq!(seen(&stage, merging(), payload.clone()).await, expected);
        let Value::Object(fields) = payload else {
            unreachable!("it is an object");
        };
        let record = Arguments::from(fields);
        assert_eq!(seen(&stage, merging(), record).await, expected);
    });
}

#[test]
fn a_shallow_merge_with_an_empty_payload_gives_the_base() {
    on_stage(|stage| async move {
        let base = merging()["transformInput"]["shallowMerge"].take();
        assert_eq!(seen(&stage, merging(), Payload::Undefined).await, base);
        assert_eq!(seen(&stage, merging(), Value::Null).await, base);
        assert_eq!(seen(&stage, merging(), json!({})).await, base);
        assert_eq!(seen(&stage, merging(), Arguments::new()).await, base);
    });
}

#[test]
fn a_payload_that_is_no_object_cannot_be_merged() {
    on_stage(|stage| async move {
        for payload in [json!([]), json!("a"), json!(1), json!(true)] {
            let failure = stage.failure(merging(), payload).await;
            assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
        }
        let capability = stage
            .client
            .export(Rc::new(|_, _| unreachable!("not called")));
        let payload = Payload::Value(Argument::Capability(capability));
        let failure = stage.failure(merging(), payload).await;
        assert_eq!(
            failure.to_string(),
            "PAYLOAD_VALIDATION_FAILED: shallowMerge needs an object as payload, \
             not a live capability"
        );
    });
}

#[test]
fn without_a_transform_the_payload_is_passed_as_it_is() {
    on_stage(|stage| async move {
        let payload = json!({ "a": { "b": [1, null] } });
        assert_eq!(seen(&stage, rpc(service()), payload.clone()).await, payload);
    });
}

#[test]
fn a_live_capability_survives_the_merge() {
    on_stage(|stage| async move {
        let capability = stage
            .client
            .export(Rc::new(|_, _| unreachable!("not called")));
        let payload = Arguments::new().with("base", Argument::Capability(capability.clone()));
        let merging = Callable::parse(&merging()).unwrap();
        dispatch(&stage.dispatch, &merging, payload).await.unwrap();
        assert_eq!(stage.record.arguments().capability("base"), Ok(capability));
    });
}

#[test]
fn an_expression_sees_the_merged_payload_and_the_ambient_values() {
    on_stage(|mut stage| async move {
        stage
            .dispatch
            .ambient
            .insert("user".to_owned(), json!({ "id": "u1" }));
        let both = changed(
            merging(),
            "/transformInput/jsonata",
            Some(json!(
                "{ 'sum': base + more, 'user': $ambient.user.id, 'both': both }"
            )),
        );
        let seen = seen(&stage, both, json!({ "more": 2, "both": "payload" })).await;
        assert_eq!(seen, json!({ "sum": 3, "user": "u1", "both": "payload" }));
    });
}

#[test]
fn an_expression_sees_shared_values_as_json() {
    on_stage(|stage| async move {
        struct Count(u64);
        impl runtime::call::Wire for Count {
            fn to_json(&self) -> Value {
                json!({ "count": self.0 })
            }
        }
        let payload = Arguments::new().with("shared", Argument::shared(Arc::new(Count(7))));
        let seen = seen(&stage, expression("{ 'n': shared.count }"), payload).await;
        assert_eq!(seen, json!({ "n": 7 }));
    });
}

#[test]
fn an_expression_may_give_nothing() {
    on_stage(|stage| async move {
        assert_eq!(
            seen(&stage, expression("absent"), json!({})).await,
            json!({})
        );
        let null = seen(&stage, expression("null"), json!({})).await;
        assert_eq!(null, json!({ "0": null }));
        let kept = seen(&stage, expression("$exists($)"), Payload::Undefined).await;
        assert_eq!(kept, json!({ "0": false }));
    });
}

#[test]
fn any_error_of_an_expression_is_the_payloads() {
    on_stage(|stage| async move {
        for jsonata in [
            "(",
            "a + 'b'",
            "$error('no')",
            "$nothing()",
            "function($x){ $x }",
        ] {
            let failure = stage.failure(expression(jsonata), json!({ "a": 1 })).await;
            assert_eq!(
                failure.code,
                ErrorCode::PayloadValidationFailed,
                "{jsonata}"
            );
            let cause = failure.cause.expect("the words of the library");
            assert!(cause.contains(jsonata), "{cause}");
        }
    });
}

#[test]
fn time_and_chance_of_an_expression_come_from_the_ports() {
    on_stage(|stage| async move {
        let now = stage.world.now();
        let seen = seen(
            &stage,
            expression("{ 'now': $now(), 'millis': $millis(), 'uuid': $uuid() }"),
            json!({}),
        )
        .await;
        let millis = Timestamp::from_unix_ms(seen["millis"].as_i64().unwrap());
        assert_eq!(millis, now);
        assert_eq!(seen["now"], json!(now.to_string()));
        assert!(seen["uuid"]
            .as_str()
            .unwrap()
            .starts_with("00000000-0000-0001-"));
    });
}
