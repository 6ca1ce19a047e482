//! Callables (spec §4.1, §4.2), in the form that is built: `workers-rpc` through a durable-object
//! namespace of the environment, with `shallowMerge`.

use crate::support::{run, World};
use runtime::{
    call::{Argument, Arguments, CallError},
    callable::{dispatch, Callable, CallableError},
    object::{unknown_method, Object, Reply},
};
use serde_json::{json, Value};
use std::{cell::RefCell, rc::Rc};

fn descriptor() -> Value {
    json!({
        "type": "workers-rpc",
        "schema": "https://schemas.iterate.com/callable/v1",
        "via": {
            "type": "env-binding",
            "bindingType": "durable-object-namespace",
            "bindingName": "TARGET",
            "durableObject": { "name": "t" },
        },
        "rpcMethod": "go",
        "argsMode": "object",
        "transformInput": { "shallowMerge": { "base": 1, "both": "base", "deep": { "a": 1 } } },
    })
}

fn parse(descriptor: Value) -> Result<Callable, String> {
    serde_json::from_value(descriptor).map_err(|error| error.to_string())
}

/// The descriptor with the value at a pointer replaced, or taken out.
fn changed(pointer: &str, value: Option<Value>) -> Value {
    let mut descriptor = descriptor();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = descriptor
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => parent.insert(field.to_owned(), value),
        None => parent.remove(field),
    };
    descriptor
}

#[test]
fn a_descriptor_round_trips() {
    let callable = parse(descriptor()).unwrap();
    assert_eq!(serde_json::to_value(&callable).unwrap(), descriptor());
}

#[test]
fn what_is_optional_may_be_absent_but_never_null() {
    for field in ["/schema", "/argsMode", "/transformInput"] {
        assert!(parse(changed(field, None)).is_ok(), "{field}");
        assert!(parse(changed(field, Some(Value::Null))).is_err(), "{field}");
    }
    for field in [
        "/type",
        "/via",
        "/rpcMethod",
        "/via/type",
        "/via/bindingName",
    ] {
        assert!(parse(changed(field, None)).is_err(), "{field}");
    }
}

#[test]
fn every_object_is_strict() {
    for place in ["", "/via", "/via/durableObject", "/transformInput"] {
        let error = parse(changed(&format!("{place}/extra"), Some(json!(1)))).unwrap_err();
        assert!(error.contains("extra"), "{place}: {error}");
    }
}

#[test]
fn every_rule_of_the_form_is_held() {
    for (pointer, value) in [
        ("/type", json!("rpc")),
        ("/schema", json!("https://schemas.iterate.com/callable/v2")),
        ("/via/type", json!("url")),
        ("/via/bindingType", json!("service")),
        ("/via/bindingName", json!("")),
        ("/via/durableObject", json!({})),
        ("/via/durableObject", json!({ "name": 7 })),
        ("/via/durableObject", json!({ "name": "t", "id": "i" })),
        ("/argsMode", json!("positional")),
        ("/argsMode", json!("Object")),
        ("/transformInput", json!({})),
        ("/transformInput/shallowMerge", json!([])),
        ("/rpcMethod", json!("")),
        ("/rpcMethod", json!("1a")),
        ("/rpcMethod", json!("a-b")),
        ("/rpcMethod", json!("a.b")),
        ("/rpcMethod", json!("é")),
    ] {
        let refused = parse(changed(pointer, Some(value.clone())));
        assert!(refused.is_err(), "{pointer} = {value}");
    }
    for method in ["_a1", "$", "requestStreamSubscription"] {
        assert!(parse(changed("/rpcMethod", Some(json!(method)))).is_ok());
    }
}

#[test]
fn methods_that_every_object_has_are_denied() {
    let denied = "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ \
        alarm apply bind call connect constructor dup email fetch hasOwnProperty isPrototypeOf \
        prototype propertyIsEnumerable queue scheduled tail then toLocaleString toString trace \
        valueOf webSocketClose webSocketError webSocketMessage";
    for method in denied.split_whitespace() {
        let error = parse(changed("/rpcMethod", Some(json!(method)))).unwrap_err();
        assert!(error.contains("not allowed"), "{method}: {error}");
    }
}

/// `TARGET t`: records what it is called with.
struct Target {
    calls: Rc<RefCell<Vec<Arguments>>>,
}

impl Object for Target {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        self.calls.borrow_mut().push(arguments);
        let answer = match method.as_str() {
            "go" => Ok(Argument::json("gone")),
            "fail" => Err(CallError::remote("own-code", "its own words")),
            method => Err(unknown_method("TARGET", method)),
        };
        Box::pin(async { answer })
    }
}

/// A world with the target, and what the target is called with.
fn dispatching<F: std::future::Future<Output = ()>>(
    test: impl FnOnce(World, Rc<RefCell<Vec<Arguments>>>) -> F,
) {
    run(|world| {
        let calls: Rc<RefCell<Vec<Arguments>>> = Rc::default();
        let given = calls.clone();
        world.add_class("TARGET", move |_| {
            Rc::new(Target {
                calls: given.clone(),
            })
        });
        test(world, calls)
    });
}

async fn dispatched(
    world: &World,
    descriptor: Value,
    payload: Arguments,
) -> Result<Argument, CallableError> {
    let callable = parse(descriptor).expect("a valid descriptor");
    dispatch(&world.client("client"), &callable, payload).await
}

#[test]
fn the_payload_wins_over_the_base_key_by_key() {
    dispatching(|world, calls| async move {
        let payload = Arguments::new()
            .json("both", "payload")
            .json("deep", json!({ "b": 2 }));
        let answer = dispatched(&world, descriptor(), payload).await.unwrap();
        assert_eq!(answer.to_json(), Some(json!("gone")));
        let seen = Argument::Record(calls.borrow()[0].clone()).to_json();
        let expected = json!({ "base": 1, "both": "payload", "deep": { "b": 2 } });
        assert_eq!(seen, Some(expected));
    });
}

#[test]
fn an_empty_payload_gives_the_base_and_no_transform_gives_the_payload() {
    dispatching(|world, calls| async move {
        dispatched(&world, descriptor(), Arguments::new())
            .await
            .unwrap();
        let bare = changed("/transformInput", None);
        let payload = Arguments::new().json("a", 1);
        dispatched(&world, bare, payload).await.unwrap();
        let seen: Vec<_> = calls
            .borrow()
            .iter()
            .cloned()
            .map(Argument::Record)
            .collect();
        let base = descriptor()["transformInput"]["shallowMerge"].take();
        assert_eq!(seen[0].to_json(), Some(base));
        assert_eq!(seen[1].to_json(), Some(json!({ "a": 1 })));
    });
}

#[test]
fn a_live_capability_survives_the_merge() {
    dispatching(|world, calls| async move {
        let capability = world
            .client("other")
            .export(Rc::new(|_, _| Box::pin(async { Ok(Argument::NULL) })));
        let payload = Arguments::new().with("base", Argument::Capability(capability.clone()));
        dispatched(&world, descriptor(), payload).await.unwrap();
        assert_eq!(calls.borrow()[0].capability("base"), Ok(capability));
    });
}

#[test]
fn an_unknown_binding_and_an_unknown_method_do_not_resolve() {
    dispatching(|world, _| async move {
        let nowhere = changed("/via/bindingName", Some(json!("NOWHERE")));
        let nothing = changed("/rpcMethod", Some(json!("nothing")));
        for descriptor in [nowhere, nothing] {
            let error = dispatched(&world, descriptor, Arguments::new())
                .await
                .unwrap_err();
            assert!(
                error.to_string().starts_with("RESOLUTION_FAILED: "),
                "{error}"
            );
            assert!(error.is_permanent());
        }
    });
}

#[test]
fn errors_of_the_remote_method_pass_unwrapped() {
    dispatching(|world, _| async move {
        let fail = changed("/rpcMethod", Some(json!("fail")));
        let error = dispatched(&world, fail, Arguments::new())
            .await
            .unwrap_err();
        assert!(!error.is_permanent());
        assert_eq!(error.to_string(), "its own words");
        let CallableError::Call(error) = error else {
            panic!("wrapped: {error}");
        };
        assert_eq!(error.code(), Some("own-code"));
    });
}
