//! What a descriptor names and is not there (spec §4.2, step 6), the form of a failure, and the
//! check that calls nothing.

use super::{
    code, failure, fetch, loopback, loopback_object, object, on_stage, rpc, service, url, with,
    Stage,
};
use runtime::{
    call::ObjectName,
    callable::{assert_dispatch_context, Binding, Callable, CallableError, ErrorCode, Payload},
};
use serde_json::{json, Value};

/// Neither dispatched nor asserted, and nobody is called.
async fn unresolved(stage: &Stage, descriptor: Value, words: &str) {
    let asserted = failure(assert_dispatch_context(&stage.dispatch, &descriptor));
    let failure = stage.failure(descriptor, json!({})).await;
    assert_eq!(failure, asserted);
    assert_eq!(failure.code, ErrorCode::ResolutionFailed);
    assert!(!failure.retryable);
    assert!(failure.message.contains(words), "{failure}");
    assert!(stage.record.calls.borrow().is_empty());
    assert!(stage.record.requests.borrow().is_empty());
}

#[test]
fn a_missing_binding_does_not_resolve() {
    on_stage(|stage| async move {
        for name in ["NOWHERE", "toString", "constructor", "__proto__"] {
            for via in [service(), object(json!({ "name": "t" }))] {
                let via = with(via, "bindingName", json!(name));
                unresolved(&stage, rpc(via.clone()), "there is no binding").await;
                unresolved(&stage, fetch(via), "there is no binding").await;
            }
        }
    });
}

#[test]
fn a_missing_export_does_not_resolve() {
    on_stage(|stage| async move {
        unresolved(
            &stage,
            rpc(loopback("Absent")),
            "there is no export \"Absent\"",
        )
        .await;
        let object = with(
            loopback_object(json!({ "name": "t" })),
            "exportName",
            json!("Absent"),
        );
        unresolved(&stage, fetch(object), "there is no export \"Absent\"").await;
    });
}

#[test]
fn what_is_of_another_kind_does_not_resolve() {
    on_stage(|stage| async move {
        let bound = |via: Value, name: &str| rpc(with(via, "bindingName", json!(name)));
        let namespace = "is not a durable object namespace";
        let address = json!({ "name": "t" });
        unresolved(&stage, bound(object(address.clone()), "SERVICE"), namespace).await;
        unresolved(&stage, bound(object(address.clone()), "TEXT"), namespace).await;
        unresolved(&stage, bound(service(), "OBJECTS"), "is not a service").await;
        unresolved(&stage, bound(service(), "TEXT"), "is not a service").await;
        let export = with(loopback_object(address), "exportName", json!("Plain"));
        unresolved(&stage, rpc(export), namespace).await;
        unresolved(&stage, rpc(loopback("TEXT")), "is not a service").await;
    });
}

#[test]
fn an_invalid_id_does_not_resolve() {
    on_stage(|stage| async move {
        let foreign = ObjectName::new("OTHER", "t").id();
        for id in ["t", "7f", &foreign] {
            let words = "is no id of an object of TARGET";
            unresolved(&stage, rpc(object(json!({ "id": id }))), words).await;
            unresolved(&stage, fetch(loopback_object(json!({ "id": id }))), words).await;
        }
    });
}

#[test]
fn a_url_needs_a_fetch() {
    on_stage(|mut stage| async move {
        stage.dispatch.fetch = None;
        unresolved(&stage, fetch(url("https://a.test")), "there is no fetch").await;
    });
}

#[test]
fn a_service_without_fetch_is_not_fetchable() {
    on_stage(|stage| async move {
        let methods = with(service(), "bindingName", json!("METHODS"));
        unresolved(&stage, fetch(methods.clone()), "does not answer fetch").await;
        assert!(stage.dispatch(rpc(methods), json!({})).await.is_ok());
    });
}

#[test]
fn a_durable_object_without_fetch_is_not_fetchable() {
    on_stage(|stage| async move {
        let mute = with(
            object(json!({ "name": "t" })),
            "bindingName",
            json!("MUTES"),
        );
        // A stub cannot tell before it is asked.
        assert!(assert_dispatch_context(&stage.dispatch, &fetch(mute.clone())).is_ok());
        let failure = stage.failure(fetch(mute), json!({})).await;
        assert_eq!(failure.code, ErrorCode::ResolutionFailed);
        assert!(!failure.retryable);
    });
}

#[test]
fn props_need_an_export_that_takes_them() {
    on_stage(|stage| async move {
        let props = with(loopback("Plain"), "props", json!({}));
        unresolved(&stage, rpc(props), "export \"Plain\" takes no props").await;
    });
}

#[test]
fn a_check_finds_what_a_dispatch_would_find_and_calls_nothing() {
    on_stage(|stage| async move {
        for descriptor in [
            rpc(service()),
            rpc(object(json!({ "name": "t" }))),
            fetch(loopback("Plain")),
            fetch(url("https://a.test")),
        ] {
            assert!(assert_dispatch_context(&stage.dispatch, &descriptor).is_ok());
        }
        assert!(stage.record.calls.borrow().is_empty());
        assert!(stage.record.names.borrow().is_empty());
        let invalid = with(rpc(service()), "rpcMethod", json!("call"));
        assert_eq!(
            code(assert_dispatch_context(&stage.dispatch, &invalid)),
            ErrorCode::DescriptorValidationFailed
        );
        let nothing = with(rpc(service()), "rpcMethod", json!("nothing"));
        assert_eq!(
            code(assert_dispatch_context(&stage.dispatch, &nothing)),
            ErrorCode::ResolutionFailed
        );
    });
}

#[test]
fn an_invalid_descriptor_is_a_failure_that_names_the_field() {
    let invalid = Callable::parse(&with(rpc(service()), "rpcMethod", json!("a.b"))).unwrap_err();
    let error = CallableError::from(invalid);
    assert!(error.is_permanent());
    assert_eq!(
        error.failure().expect("a failure").to_json(),
        json!({
            "code": "DESCRIPTOR_VALIDATION_FAILED",
            "message": "Invalid callable: rpcMethod must be one identifier, but is \"a.b\"",
            "retryable": false,
            "cause": null,
            "details": { "field": "rpcMethod" },
        })
    );
}

#[test]
fn a_failure_without_details_has_no_such_field() {
    on_stage(|stage| async move {
        let failure = stage
            .failure(rpc(loopback("Absent")), Payload::Undefined)
            .await;
        assert_eq!(
            failure.to_json(),
            json!({
                "code": "RESOLUTION_FAILED",
                "message": "there is no export \"Absent\"",
                "retryable": false,
                "cause": null,
            })
        );
    });
}

#[test]
fn a_binding_is_what_was_bound_last() {
    on_stage(|mut stage| async move {
        stage.dispatch.env = stage.dispatch.env.with("SERVICE", Binding::Value(json!(1)));
        unresolved(&stage, rpc(service()), "is not a service").await;
    });
}
