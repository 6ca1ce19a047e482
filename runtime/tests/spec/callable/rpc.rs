//! An rpc callable: its target, its arguments, its errors (spec §4.2, step 4).

use super::{changed, loopback, loopback_object, object, on_stage, rpc, service, with, Stage};
use runtime::{
    call::{Argument, Arguments, CallError, ObjectName},
    callable::{dispatch, Callable, CallableError, DispatchContext, ErrorCode, Payload},
};
use serde_json::{json, Value};

async fn error_of(stage: &Stage, descriptor: Value) -> CallError {
    let outcome = stage.dispatch(descriptor, Payload::Undefined).await;
    match outcome.expect_err("it fails") {
        CallableError::Call(error) => error,
        error => panic!("wrapped: {error}"),
    }
}

#[test]
fn a_service_is_called() {
    on_stage(|stage| async move {
        let answer = stage.dispatch(rpc(service()), json!({ "a": 1 })).await;
        assert_eq!(answer.unwrap(), json!("gone"));
        assert_eq!(stage.record.calls.borrow()[0].0, "go");
        assert_eq!(stage.record.json(), json!({ "a": 1 }));
    });
}

#[test]
fn a_durable_object_is_called_by_name_and_by_id() {
    on_stage(|stage| async move {
        let id = ObjectName::new("TARGET", "by id").id();
        for address in [json!({ "name": "by name" }), json!({ "id": id })] {
            let answer = stage.dispatch(rpc(object(address)), json!({})).await;
            assert_eq!(answer.unwrap(), json!("gone"));
        }
        assert_eq!(*stage.record.names.borrow(), ["by name", "by id"]);
    });
}

#[test]
fn a_loopback_service_is_called_with_and_without_props() {
    on_stage(|stage| async move {
        let plain = stage.dispatch(rpc(loopback("Plain")), json!({})).await;
        assert_eq!(plain.unwrap(), json!("gone"));
        assert_eq!(*stage.record.props.borrow(), None);
        let props = json!({ "user": "u1" });
        let parameterized = with(loopback("Parameterizable"), "props", props.clone());
        let answer = stage.dispatch(rpc(parameterized), json!({})).await;
        assert_eq!(answer.unwrap(), json!("gone"));
        assert_eq!(*stage.record.props.borrow(), Some(props));
    });
}

#[test]
fn a_loopback_durable_object_is_called_by_name_and_by_id() {
    on_stage(|stage| async move {
        let id = ObjectName::new("TARGET", "by id").id();
        for address in [json!({ "name": "by name" }), json!({ "id": id })] {
            let answer = stage
                .dispatch(rpc(loopback_object(address)), json!({}))
                .await;
            assert_eq!(answer.unwrap(), json!("gone"));
        }
        assert_eq!(*stage.record.names.borrow(), ["by name", "by id"]);
    });
}

#[test]
fn the_platforms_classes_are_bindings_of_a_stream() {
    on_stage(|mut stage| async move {
        stage.dispatch = DispatchContext::of_platform(&stage.client);
        let named = |binding: &str| {
            let via = with(
                object(json!({ "name": "t" })),
                "bindingName",
                json!(binding),
            );
            rpc(via)
        };
        let answer = stage.dispatch(named("TARGET"), json!({})).await;
        assert_eq!(answer.unwrap(), json!("gone"));
        let calls = stage.world.calls("go");
        let failure = stage.failure(named("NOWHERE"), json!({})).await;
        assert_eq!(failure.code, ErrorCode::ResolutionFailed);
        assert_eq!(stage.world.calls("go"), calls, "nothing was sent");
    });
}

async fn arguments_of(stage: &Stage, descriptor: Value, payload: impl Into<Payload>) -> Value {
    let answer = stage.dispatch(descriptor, payload).await;
    answer.expect("it is called");
    stage.record.json()
}

#[test]
fn in_object_mode_the_input_is_the_one_argument() {
    on_stage(|stage| async move {
        for mode in [None, Some(json!("object"))] {
            let go = changed(rpc(service()), "/argsMode", mode);
            let object = arguments_of(&stage, go.clone(), json!({ "a": [1] })).await;
            assert_eq!(object, json!({ "a": [1] }));
            let list = arguments_of(&stage, go.clone(), json!([1, 2])).await;
            assert_eq!(list, json!({ "0": [1, 2] }));
            let null = arguments_of(&stage, go.clone(), Value::Null).await;
            assert_eq!(null, json!({ "0": null }));
            let undefined = arguments_of(&stage, go, Payload::Undefined).await;
            assert_eq!(undefined, json!({}));
        }
    });
}

#[test]
fn positional_arguments_are_the_items_of_the_input() {
    on_stage(|stage| async move {
        let go = with(rpc(service()), "argsMode", json!("positional"));
        let two = arguments_of(&stage, go.clone(), json!(["a", { "b": 1 }])).await;
        assert_eq!(two, json!({ "0": "a", "1": { "b": 1 } }));
        let one = arguments_of(&stage, go.clone(), json!([{ "b": 1 }])).await;
        assert_eq!(one, json!({ "b": 1 }), "as in object mode");
        let none = arguments_of(&stage, go.clone(), json!([])).await;
        assert_eq!(none, json!({}));
        for payload in [json!({ "0": "a" }), json!("a"), Value::Null] {
            let failure = stage.failure(go.clone(), payload).await;
            assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
        }
        let failure = stage.failure(go, Payload::Undefined).await;
        assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
    });
}

#[test]
fn an_expression_makes_positional_arguments_with_a_live_capability_among_them() {
    on_stage(|stage| async move {
        let capability = stage.world.client("other").export(std::rc::Rc::new(|_, _| {
            Box::pin(async { Ok(Argument::NULL) })
        }));
        let handshake = Arguments::new()
            .with("stream", Argument::Capability(capability.clone()))
            .json("subscriptionKey", "k");
        let go = with(rpc(service()), "argsMode", json!("positional"));
        let jsonata = json!({ "jsonata": "[{ \"inner\": [stream] }, stream, subscriptionKey]" });
        let go = Callable::parse(&with(go, "transformInput", jsonata)).unwrap();
        dispatch(&stage.dispatch, &go, handshake).await.unwrap();
        let arguments = stage.record.arguments();
        assert_eq!(arguments.capability("1"), Ok(capability.clone()));
        assert_eq!(arguments.parse("2"), Ok("k".to_owned()));
        let inner = arguments.require("0").and_then(Argument::record).unwrap();
        let Ok(Argument::List(inner)) = inner.require("inner") else {
            panic!("not a list: {inner:?}");
        };
        assert!(matches!(&inner[..], [Argument::Capability(same)] if *same == capability));
    });
}

#[test]
fn errors_of_the_remote_method_pass_unwrapped() {
    on_stage(|stage| async move {
        for via in [service(), object(json!({ "name": "t" }))] {
            let fail = with(rpc(via.clone()), "rpcMethod", json!("fail"));
            let error = error_of(&stage, fail).await;
            assert_eq!(error, CallError::remote("own-code", "its own words"));
            // What the callee does not know is its own error too.
            let lost = with(rpc(via), "rpcMethod", json!("lost"));
            let error = error_of(&stage, lost).await;
            let own = CallError::Unresolved("I know no such name".to_owned());
            assert_eq!(error, own);
        }
    });
}

#[test]
fn a_missing_method_surfaces_as_a_remote_error() {
    on_stage(|stage| async move {
        let missing = with(
            rpc(object(json!({ "name": "t" }))),
            "rpcMethod",
            json!("missing"),
        );
        let error = error_of(&stage, missing).await;
        assert!(
            error.to_string().contains("no method \"missing\""),
            "{error}"
        );
        assert!(CallableError::from(error).is_permanent());
    });
}

#[test]
fn a_method_that_a_service_is_known_not_to_have_does_not_resolve() {
    on_stage(|stage| async move {
        let nothing = with(rpc(service()), "rpcMethod", json!("nothing"));
        let failure = stage.failure(nothing, json!({})).await;
        assert_eq!(failure.code, ErrorCode::ResolutionFailed);
        assert!(
            failure.message.contains("no method \"nothing\""),
            "{failure}"
        );
        assert!(stage.record.calls.borrow().is_empty());
    });
}

#[test]
fn a_lost_connection_passes_unwrapped_and_is_not_permanent() {
    on_stage(|stage| async move {
        stage.world.on_call(|_| crate::support::Fate::RequestLost);
        let error = error_of(&stage, rpc(object(json!({ "name": "t" })))).await;
        assert!(matches!(error, CallError::Disconnected(_)));
        assert!(!CallableError::from(error).is_permanent());
    });
}

#[test]
fn nothing_is_called_before_the_payload_is_transformed() {
    on_stage(|stage| async move {
        let go = with(
            rpc(service()),
            "transformInput",
            json!({ "jsonata": "$error('no')" }),
        );
        let failure = stage.failure(go, json!({})).await;
        assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
        assert!(stage.record.calls.borrow().is_empty());
    });
}
