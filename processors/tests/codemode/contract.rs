//! What events hold. What each does: see the semantics of codemode.

use super::*;

#[test]
fn payloads_that_do_not_fit_are_refused() {
    run(|| async {
        let function = json!({ "functionCallId": "c", "functionPath": [], "invocationKind": "rpc", "path": ["a"], "providerPath": ["a"] });
        let with = |field: &str, value: Value| {
            let mut payload = function.clone();
            payload["args"] = json!([]);
            payload[field] = value;
            payload
        };
        for (kind, payload) in [
            (
                SCRIPT_EXECUTION_REQUESTED,
                json!({ "scriptExecutionId": "s", "code": "" }),
            ),
            (SCRIPT_EXECUTION_REQUESTED, json!({ "code": "() => 1" })),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": [], "instructions": "a", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": [""], "instructions": "a", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": ["a"], "instructions": " ", "invocation": { "kind": "event" } }),
            ),
            (
                TOOL_PROVIDER_REGISTERED,
                json!({ "path": ["a"], "instructions": "a", "invocation": { "kind": "rpc" } }),
            ),
            (VARS_UPDATED, json!({ "vars": { "a": 1 } })),
            (LOG_EMITTED, json!({ "level": "debug", "message": "m" })),
            (SESSION_STARTED, json!({ "sessionCapabilityCallable": {} })),
            (FUNCTION_CALL_REQUESTED, with("path", json!([]))),
            (FUNCTION_CALL_REQUESTED, with("functionPath", json!([""]))),
            (
                FUNCTION_CALL_REQUESTED,
                with("invocationKind", json!("fetch")),
            ),
            (
                FUNCTION_CALL_COMPLETED,
                with("outcome", json!({ "status": "lost" })),
            ),
        ] {
            let bench = bench();
            bench
                .stream
                .push(EventInput::new(kind.clone(), payload.clone()));
            assert!(bench.try_deliver().await.is_err(), "{kind}: {payload}");
        }
    });
}
